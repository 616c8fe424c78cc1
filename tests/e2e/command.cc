#include "tests/e2e/command.h"

#include <sys/wait.h>

#include <array>
#include <regex>

#include <gtest/gtest.h>

namespace kv::testing {

void Command::Close::operator()(std::FILE* pipe) const {
  ::pclose(pipe);
}

Command::Command(const std::string& line)
    : pipe_(::popen(line.c_str(), "r")) {}  // NOLINT(cert-env33-c): a shell is what is wanted

int Command::Finish() {
  if (!pipe_) {
    return status_;
  }
  std::array<char, 4096> bytes{};
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe_.get())) {
    output_.append(bytes.data(), count);
  }
  const int status = ::pclose(pipe_.release());
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

std::string Command::Output() {
  Finish();
  return output_;
}

std::string OutputOf(const std::string& line, int expected_exit) {
  Command command(line);
  EXPECT_EQ(command.Finish(), expected_exit) << line << "\n" << command.Output();
  return command.Output();
}

std::string WithoutTimes(const std::string& text) {
  static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)");
  return std::regex_replace(text, kTime, "TIME");
}

}  // namespace kv::testing
