// A command line as a user types it, run by the shell.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

namespace kv::testing {

class Command {
 public:
  // Starts it. Its standard output is what Output() gives; errors go to the test's own, unless the
  // line says otherwise.
  explicit Command(const std::string& line);

  // Waits for its end. The exit code as the shell counts; -1 if it could not be run.
  int Finish();
  // All that it printed until it ended.
  std::string Output();

 private:
  struct Close {
    void operator()(std::FILE* pipe) const;
  };
  std::unique_ptr<std::FILE, Close> pipe_;
  std::string output_;
  int status_ = -1;
};

// Runs it to its end and gives what it printed. Fails the test if its exit code is another.
std::string OutputOf(const std::string& line, int expected_exit = 0);

// `text` with every RFC 3339 time replaced by TIME.
std::string WithoutTimes(const std::string& text);

}  // namespace kv::testing
