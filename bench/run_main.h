// The outermost frame of a program here: what is thrown ends it with a line that names it.
#pragma once

#include <cstdlib>
#include <exception>
#include <iostream>

namespace kv::bench {

template <typename Main>
int RunMain(const char* program, const Main& main) {
  try {
    return main();
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}

}  // namespace kv::bench
