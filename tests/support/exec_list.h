// Arguments and environments as exec and posix_spawn take them.
#pragma once

#include <string>
#include <vector>

namespace kv::testing {

// Valid as long as `strings`, unchanged.
inline std::vector<char*> ExecList(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) {
    pointers.push_back(string.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace kv::testing
