#include "kv/own_files.h"

#include <unistd.h>

#include <limits>

namespace kv {

bool TakeOwnFiles() {
#ifdef __SANITIZE_THREAD__
  return false;  // its runtime knows one table, and takes equal numbers for the same file
#else
  constexpr unsigned first = 3;
  return ::close_range(first, std::numeric_limits<unsigned>::max(), CLOSE_RANGE_UNSHARE) == 0;
#endif
}

}  // namespace kv
