// Makes threads that work in the background give way to the broker's, where they share a core.
//
// Any thread, for itself; as often as one likes. If the system refuses, nothing is lost but time.
#pragma once

#include <functional>

namespace kv::store {

// What the thread has to do comes in bursts: from now on a tenth of a core that others want as well
// is enough for it.
void GiveWay();

// For places that such a thread comes by every microsecond or so. Linux looks who should have the
// core when a thread wakes up; if that one has had more than its share just then, not again before
// the next tick of the clock, up to 4 ms later. A yield makes it look. It also costs the thread a
// slice of its share, if others want the core all the time: so it works at least as long as the
// last yield took before it yields again.
void YieldNowAndThen();

// What the calling thread does at these places besides, some tens of microseconds apart: for those
// who cannot wait until it is through. It must be quick, and may be in the middle of anything,
// RocksDB's writing included.
void DoNowAndThen(std::function<void()> work);

}  // namespace kv::store
