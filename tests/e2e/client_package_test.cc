// The client library as it is installed: found, built on and run by a project of somebody else.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/command.h"
#include "tests/e2e/kv_broker.h"

namespace kv::testing {
namespace {

namespace fs = std::filesystem;

class ClientPackage : public KvBrokerTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    for (const std::string component : {"library", "client"}) {
      Run(std::string(KV_CMAKE) + " --install " KV_BINARY_DIRECTORY " --component " + component +
          " --prefix " + prefix_.path().string());
    }
  }

  static std::string Run(const std::string& line) { return OutputOf(line + " 2>&1"); }
  std::string Libraries() const { return (prefix_.path() / KV_LIBRARY_DIRECTORY).string(); }
  std::string Built(const std::string& name) const { return (work_.path() / name).string(); }
  void ExpectToWork(const std::string& program) {
    EXPECT_EQ(Run("LD_LIBRARY_PATH=" + Libraries() + " " + program + " " +
                  std::to_string(broker().port())),
              "hello 5\n");
  }

  TemporaryDirectory prefix_;
  TemporaryDirectory work_;
};

TEST_F(ClientPackage, IsFoundByCMake) {
  const std::string directory = Built("build");
  Run(std::string(KV_CMAKE) + " -S " KV_CONSUMER " -B " + directory +
      " -DCMAKE_CXX_COMPILER=" KV_CXX " -DCMAKE_CXX_FLAGS=" KV_CXX_FLAGS " -DCMAKE_PREFIX_PATH=" +
      prefix_.path().string());
  Run(std::string(KV_CMAKE) + " --build " + directory);
  ExpectToWork(directory + "/consumer");
}

TEST_F(ClientPackage, IsFoundByPkgConfig) {
  const std::string program = Built("consumer");
  Run(KV_CXX " -std=c++20 " KV_CXX_FLAGS " " KV_CONSUMER "/consumer.cc -o " + program +
      " $(PKG_CONFIG_PATH=" + Libraries() + "/pkgconfig pkg-config --cflags --libs mosquitto_kv)");
  ExpectToWork(program);
}

TEST_F(ClientPackage, ShowsNothingOfTheMqttLibrary) {
  std::size_t headers = 0;
  for (const auto& item : fs::recursive_directory_iterator(prefix_.path() / "include")) {
    headers += item.path().extension() == ".h" ? 1U : 0U;
  }
  EXPECT_GE(headers, 14U);
  EXPECT_EQ(Run("grep -rniE 'mqtt/|MQTTAsync|MQTTClient|nlohmann|mqtt::' " +
                prefix_.path().string() + "/include || true"),
            "");
}

// Whoever is built with one minor version neither finds nor loads another.
TEST_F(ClientPackage, EachMinorVersionIsAnInterfaceOfItsOwn) {
  const std::string version =
      Run("PKG_CONFIG_PATH=" + Libraries() +
          "/pkgconfig pkg-config --modversion mosquitto_kv | cut -d. -f1,2");
  EXPECT_EQ(Run("objdump -p " + Libraries() + "/libmosquittokv.so | sed -n 's/^ *SONAME *//p'"),
            "libmosquittokv.so." + version);
  std::ofstream(Built("CMakeLists.txt")) << "cmake_minimum_required(VERSION 3.25)\n"
                                            "project(other NONE)\n"
                                            "find_package(mosquitto_kv 0.0)\n"
                                            "message(\"found: ${mosquitto_kv_FOUND}\")\n";
  const std::string other =
      Run(std::string(KV_CMAKE) + " -S " + work_.path().string() + " -B " + Built("other") +
          " -Dmosquitto_kv_DIR=" + Libraries() + "/cmake/mosquitto_kv");
  EXPECT_NE(other.find("found: 0\n"), std::string::npos) << other;
  EXPECT_NE(other.find("not accepted"), std::string::npos) << "it was looked at: " << other;
}

TEST_F(ClientPackage, ExportsItsOwnNamesAlone) {
  const std::string foreign =
      Run("nm -DC --defined-only " + Libraries() + "/libmosquittokv.so | grep -vE ' .* (kv::|" +
          "(typeinfo|typeinfo name|vtable) for kv::)' || true");
  EXPECT_EQ(foreign, "");
}

}  // namespace
}  // namespace kv::testing
