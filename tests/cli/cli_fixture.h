// The command-line tool as a user types it, against a broker of the test's own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {

class CliTest : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker({.plugin = {{"bucket_defaults", "history=5"}}}));
  }

  // The program with a home of its own, where there are no defaults unless a test writes some.
  std::string Tool() const {
    return "HOME=" + directory().string() + " XDG_CONFIG_HOME= " KV_CLI " ";
  }
  std::string ToBroker() { return Tool() + "-p " + std::to_string(broker().port()) + " "; }

  // What it prints on standard output.
  std::string Run(const std::string& arguments, int expected_exit = 0) {
    return OutputOf(ToBroker() + arguments, expected_exit);
  }
  // What it prints on standard error, where it prints nothing on standard output.
  std::string Error(const std::string& arguments, int expected_exit) {
    return OutputOf(ToBroker() + arguments + " 3>&1 >" + path("stdout") + " 2>&3", expected_exit) +
           Read("stdout");
  }
  nlohmann::json Json(const std::string& arguments) {
    const std::string text = Run(arguments + " --json");
    EXPECT_EQ(text.find('\n') + 1, text.size()) << "one line: " << text;
    auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << text;
    return json;
  }

  std::filesystem::path directory() const { return directory_.path(); }
  std::string path(const std::string& name) const { return (directory() / name).string(); }
  void Write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((directory() / name).parent_path());
    std::ofstream(directory() / name, std::ios::binary) << content;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(directory() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace kv::testing
