// Which folder may include what: an arrow that points the wrong way is a failing test.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace kv::plugin::testing {
namespace {

namespace fs = std::filesystem;

using Rooms = std::set<std::string>;

// Of this project's folders that hold a library: what each may include of the others.
const std::map<std::string, Rooms> kArrows{
    {"kv", {}},
    {"wire", {"kv"}},
    {"store", {"kv"}},
    {"loopback", {"kv"}},
    {"plugin", {"kv", "wire", "store", "loopback"}},
    {"client", {"kv", "wire"}},
    {"cli", {"kv", "wire", "client"}},
};

struct Foreign {
  std::string_view start;  // of the header's name
  Rooms rooms;             // who may include it; in tests/ the folder of the same name may, too
};
// bench/ has a plugin that it compares ours with.
const std::array<Foreign, 8> kForeign{{
    {"rocksdb/", {"store"}},
    {"mosquitto.h", {"plugin", "bench"}},
    {"mosquitto_broker.h", {"plugin", "bench"}},
    {"mosquitto_plugin.h", {"plugin", "bench"}},
    {"mosquitto_kv/", {"client", "cli", "examples", "tests"}},
    {"mqtt_protocol.h", {"plugin", "bench"}},
    {"mqtt/", {"client", "examples", "tests"}},
    {"MQTT", {"client", "loopback", "examples", "tests"}},
}};

// The name in `#include <name>` or `#include "name"`; empty for any other line.
std::string IncludeOf(const std::string& line) {
  const std::size_t start = line.find_first_not_of(" \t");
  if (start == std::string::npos || line[start] != '#') {
    return {};
  }
  const std::size_t word = line.find_first_not_of(" \t", start + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) {
    return {};
  }
  const std::size_t open = line.find_first_of("<\"", word);
  const std::size_t close = line.find_first_of(">\"", open + 1);
  return open == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

std::string FirstLevel(const std::string& path) {
  return path.substr(0, path.find('/'));
}

// Why a file (its path below the project's folder) must not include this; empty if it may.
std::string Objection(const std::string& file, const std::string& include) {
  const std::string room = FirstLevel(file);
  const std::string tested = room == "tests" ? FirstLevel(file.substr(room.size() + 1)) : room;
  const std::string target = FirstLevel(include);
  if (const auto own = kArrows.find(room); own != kArrows.end() && target != room) {
    const bool is_room = kArrows.contains(target) || target == "tests" || target == "bench";
    if (is_room && !own->second.contains(target)) {
      return file + " must not look into " + target + "/";
    }
  }
  for (const auto& foreign : kForeign) {
    if (include.rfind(foreign.start, 0) == 0 && !foreign.rooms.contains(room) &&
        !foreign.rooms.contains(tested)) {
      return file + " must not include " + include;
    }
  }
  return {};
}

bool IsSource(const fs::path& path) {
  return path.extension() == ".cc" || path.extension() == ".h";
}

TEST(ArrowsTest, PointTheRightWay) {
  const fs::path top(KV_SOURCE_DIRECTORY);
  std::map<std::string, std::size_t> includes;
  for (const auto* const room :
       {"kv", "wire", "store", "plugin", "client", "cli", "tests", "bench", "examples"}) {
    if (!fs::exists(top / room)) {
      continue;
    }
    for (const auto& item : fs::recursive_directory_iterator(top / room)) {
      if (!item.is_regular_file() || !IsSource(item.path())) {
        continue;
      }
      const std::string file = fs::relative(item.path(), top).generic_string();
      std::ifstream stream(item.path());
      std::string line;
      while (std::getline(stream, line)) {
        const std::string include = IncludeOf(line);
        includes[room] += include.empty() ? 0U : 1U;
        EXPECT_EQ(Objection(file, include), "");
      }
    }
  }
  for (const auto* const room : {"kv", "wire", "store", "plugin", "client", "tests"}) {
    EXPECT_GT(includes[room], 10U) << "hardly an include was found in " << room;
  }
}

// What is installed shows the vocabulary and the standard library, and nothing that is linked in.
TEST(ArrowsTest, PublicHeadersOfTheClientStandAlone) {
  const fs::path headers = fs::path(KV_SOURCE_DIRECTORY) / "client/include/mosquitto_kv";
  std::size_t includes = 0;
  for (const auto& item : fs::directory_iterator(headers)) {
    std::ifstream stream(item.path());
    std::string line;
    while (std::getline(stream, line)) {
      const std::string include = IncludeOf(line);
      const bool is_standard = include.find_first_of("/.") == std::string::npos;
      EXPECT_TRUE(is_standard || include.starts_with("kv/") || include.starts_with("mosquitto_kv/"))
          << item.path() << " includes " << include;
      EXPECT_EQ(line.find("mqtt::"), std::string::npos) << item.path() << ": " << line;
      EXPECT_EQ(line.find("MQTTAsync"), std::string::npos) << item.path() << ": " << line;
      includes += include.empty() ? 0U : 1U;
    }
  }
  EXPECT_GT(includes, 20U);
}

TEST(ArrowsTest, ThatPointTheWrongWayAreSeen) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"kv/names.cc", "#include \"wire/names.h\""},
      {"client/client.cc", "#include \"cli/tool.h\""},
      {"cli/tool.cc", "#include \"plugin/options.h\""},
      {"cli/load.cc", "#include <mqtt/async_client.h>"},
      {"wire/reply.cc", "#include \"store/store.h\""},
      {"store/store.cc", "#  include \"wire/reply.h\""},
      {"store/store.h", "#include \"plugin/options.h\""},
      {"client/client.cc", "#include \"store/store.h\""},
      {"plugin/kv_service.cc", "#include \"tests/plugin/fake_broker.h\""},
      {"plugin/kv_service.cc", "#include <rocksdb/db.h>"},
      {"tests/plugin/x_test.cc", "#include <rocksdb/db.h>"},
      {"wire/topics.cc", "#include <mosquitto_broker.h>"},
      {"store/store.cc", " #include <mosquitto.h>  // why"},
      {"wire/topics.cc", "#include <mqtt_protocol.h>"},
      {"plugin/plugin.cc", "#include <mqtt/async_client.h>"},
      {"bench/load.cc", "#include <mqtt/async_client.h>"},
      {"plugin/plugin.cc", "#include <mosquitto_kv/client.h>"},
      {"wire/topics.cc", "#include <mosquitto_plugin.h>"},
  };
  for (const auto& [file, line] : wrong) {
    EXPECT_NE(Objection(file, IncludeOf(line)), "") << file << ": " << line;
  }
}

TEST(ArrowsTest, ThatPointTheRightWayAreLeftAlone) {
  const std::vector<std::pair<std::string, std::string>> right{
      {"wire/reply.cc", "#include \"wire/reply.h\""},
      {"wire/reply.cc", "#include \"kv/entry.h\""},
      {"plugin/kv_service.cc", "#include \"store/store.h\""},
      {"store/database.cc", "#include <rocksdb/db.h>"},
      {"tests/store/fault_test.cc", "#include <rocksdb/env.h>"},
      {"tests/plugin/port_test.cc", "#include <mosquitto_broker.h>"},
      {"tests/e2e/paho_test.cc", "#include <mqtt/async_client.h>"},
      {"client/client.cc", "#include \"mosquitto_kv/client.h\""},
      {"wire/reply.cc", "// #include <rocksdb/db.h>"},
      {"wire/reply.cc", "#include <string>"},
  };
  for (const auto& [file, line] : right) {
    EXPECT_EQ(Objection(file, IncludeOf(line)), "") << line;
  }
}

}  // namespace
}  // namespace kv::plugin::testing
