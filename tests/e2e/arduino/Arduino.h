// As much of Arduino as examples/pubsubclient needs, on this machine: what a sketch prints goes to
// the standard output.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

// NOLINTBEGIN(readability-identifier-naming): the names are Arduino's.
class HostSerial {
 public:
  void begin(unsigned long) {}
  void print(const char* text) { Append(text); }
  void println(const char* text = "") {
    Append(text);
    std::printf("%s\n", line_.c_str());
    std::fflush(stdout);
    last_line_ = line_;
    line_.clear();
  }
  std::size_t write(const std::uint8_t* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      line_ += static_cast<char>(bytes[i]);
    }
    return count;
  }

  // Not Arduino's: what the program that runs the sketch looks at.
  const std::string& last_line() const { return last_line_; }

 private:
  void Append(const char* text) { line_ += text; }

  std::string line_;
  std::string last_line_;
};

inline HostSerial Serial;

inline void delay(unsigned long ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}
// NOLINTEND(readability-identifier-naming)
