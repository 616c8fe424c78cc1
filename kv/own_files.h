// A thread's own table of open files.
//
// Linux counts who uses an open file only where threads share their table. A broker's only thread
// is spared that, 4 % of what it does; so that it stays spared, every thread that the plugin adds
// begins with TakeOwnFiles. Source: close_range(2), CLOSE_RANGE_UNSHARE; docs/adr/0016.
#pragma once

namespace kv {

// The calling thread, and those that it makes from now on, leave the table that they share with
// others: what is open there, but for 0 to 2, is closed here, and neither side sees what the other
// one opens. False: the kernel refuses (Linux before 5.9 has no such call), and nothing changed.
bool TakeOwnFiles();

}  // namespace kv
