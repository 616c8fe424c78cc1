#include "tests/crash/mortal_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/time_text.h"

namespace kv::testing {
namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;
using std::chrono::system_clock;

constexpr std::uint32_t kKeys = 20;
constexpr std::array kSoon{milliseconds(20), milliseconds(100), milliseconds(300)};
constexpr milliseconds kNotInThisTest = std::chrono::hours(100);

bool ExpiresSoon(milliseconds ttl) {
  return ttl < kNotInThisTest;
}

}  // namespace

void MortalWriter::Run(std::uint16_t port, const std::function<void()>& on_operation) {
  KvClient client(port);
  bool alive = client.Connect();
  while (alive) {
    on_operation();
    const std::string key = "k" + std::to_string(random_() % kKeys);
    const bool soon = random_() % 2 == 0;
    const Put put{.value = (soon ? "mortal-" : "old-") + std::to_string(++values_),
                  .ttl = soon ? kSoon.at(random_() % kSoon.size()) : kNotInThisTest,
                  .sent = system_clock::now()};
    Candidates& candidates = keys_[key];
    candidates.puts.push_back(put);
    const auto reason = client.Publish(
        "kv/" + bucket_ + "/" + key,
        put.value,
        {.properties = Properties().User("kv-ttl", std::to_string(put.ttl.count()) + "ms")});
    alive = reason.has_value();
    if (alive) {
      EXPECT_LT(*reason, 0x80);
      candidates = {{put}, true};
    }
  }
}

bool MortalWriter::AwaitEnds(KvClient& client) const {
  return Eventually([&] {
    const auto entries = client.Entries(bucket_);
    return std::none_of(entries.begin(), entries.end(), [](const Message& entry) {
      return entry.payload.starts_with("mortal");
    });
  });
}

void MortalWriter::Check(const BucketDump& dump) {
  std::map<std::string, Message> newest;
  for (const Message& entry : dump.entries) {
    newest.insert_or_assign(entry.Property("kv-key").value_or("?"), entry);
  }
  for (auto& [key, candidates] : keys_) {
    SCOPED_TRACE(key);
    const auto found = newest.extract(key);
    if (found.empty()) {
      EXPECT_FALSE(candidates.is_acknowledged) << "an acknowledged write is lost";
      candidates = {};
    } else {
      CheckKey(key, candidates, found.mapped());
    }
  }
  EXPECT_TRUE(newest.empty()) << newest.begin()->first << " was never written";
}

void MortalWriter::CheckKey(const std::string& key,
                            Candidates& candidates,
                            const Message& newest) const {
  const auto became =
      std::find_if(candidates.puts.begin(), candidates.puts.end(), [&](const Put& put) {
        if (newest.Property("kv-op") == "PUT") {
          return put.value == newest.payload;
        }
        const auto end = duration_cast<nanoseconds>((put.sent + put.ttl).time_since_epoch());
        return newest.Property("kv-reason") == "expired" && ExpiresSoon(put.ttl) &&
               newest.Property("kv-time") >= wire::FormatTime(end.count());
      });
  if (became == candidates.puts.end()) {
    ADD_FAILURE() << key << " is " << newest.Property("kv-op").value_or("?") << " '"
                  << newest.payload << "' of " << newest.Property("kv-time").value_or("?")
                  << ", which is neither what was acknowledged last nor sent after";
    return;
  }
  candidates = {{*became}, true};
}

}  // namespace kv::testing
