// Several writers, a broker that is killed again and again, and the promise that nothing that was
// acknowledged is lost, no revision comes twice, and the retained messages equal the store.
//   KV_KILLS  how often it is killed (default 20)
//   KV_SEED   to repeat a run's choices (the moments of the kills still differ)
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/crash_writer.h"

namespace kv::testing {
namespace {

std::uint32_t NumberFromEnvironment(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::stoul(text));
}

// What one revision of a bucket is; it must never become anything else.
struct Seen {
  std::string topic;
  std::string operation;
  std::string time;
  std::size_t value_hash;

  friend bool operator==(const Seen&, const Seen&) = default;
};

// Everything that any client ever got to see of a bucket.
class Witness {
 public:
  void Add(const Message& message) {
    const Revision revision = RevisionOf(message);
    if (revision == 0) {
      return;  // clears what the store does not know
    }
    Seen seen{message.topic,
              message.Property("kv-op").value_or("?"),
              message.Property("kv-time").value_or("?"),
              std::hash<std::string>()(message.payload)};
    const auto [known, fresh] = seen_.emplace(revision, seen);
    EXPECT_TRUE(fresh || known->second == seen)
        << "revision " << revision << " was " << known->second.topic << " and is " << message.topic;
    last_ = std::max(last_, revision);
  }
  void Raise(Revision revision) { last_ = std::max(last_, revision); }
  Revision last() const { return last_; }

 private:
  std::map<Revision, Seen> seen_;
  Revision last_ = 0;
};

class CrashTest : public ::testing::TestWithParam<bool> {
 protected:
  CrashTest() : seed_(NumberFromEnvironment("KV_SEED", std::random_device()())), random_(seed_) {
    std::cout << "KV_SEED=" << seed_ << '\n';
    KvBrokerOptions& options = broker_.options();
    ChooseOptions();
    // Not 0, "no limit": 2.0.11 disconnects whoever publishes what is refused then.
    options.configuration = "max_queued_messages 100000";
    options.debug_log = false;
    options.persistence = GetParam();
    for (int i = 0; i < 4; ++i) {
      const bool deep = i % 2 == 0;
      writers_.push_back(std::make_unique<CrashWriter>(
          i, deep ? "deep" : "flat", deep ? 3 : 1, static_cast<std::uint32_t>(random_())));
    }
  }

  // In every mode what was acknowledged survives the death of the process.
  void ChooseOptions() {
    constexpr std::array modes{"always", "batch", "interval"};
    broker_.options().plugin = {{"bucket_deep", "history=3"},
                                {"duplicate_window", "1d"},
                                {"sync", modes[random_() % modes.size()]}};
  }

  // Runs writers and a watcher until the broker dies of its `operations`-th write.
  void LiveAndDie() {
    const int operations = 20 + static_cast<int>(random_() % 600);
    const int save_at = static_cast<int>(random_() % 600);
    // Now and then it may end in order.
    const int signal = random_() % 4 == 0 ? SIGTERM : SIGKILL;
    std::atomic<int> done{0};
    const auto on_operation = [&] {
      const int number = ++done;
      if (number == operations) {
        broker_.process().Signal(signal);
      } else if (number == save_at && GetParam()) {
        broker_.process().Signal(SIGUSR1);
      }
    };
    MqttClient watcher(broker_.port());
    ASSERT_TRUE(watcher.Connect()) << watcher.error();
    ASSERT_EQ(watcher.Subscribe("kv/#", 0), 0);
    std::vector<Message> watched;
    std::thread watching([&] {
      while (auto message = watcher.WaitMessage()) {
        watched.push_back(std::move(*message));
      }
    });
    std::vector<std::thread> writing;
    for (const auto& writer : writers_) {
      writing.emplace_back([&, last = witnesses_[writer->bucket()].last()] {
        writer->Run(broker_.port(), last, on_operation);
      });
    }
    for (std::thread& thread : writing) {
      thread.join();
    }
    EXPECT_EQ(broker_.process().WaitExit(), signal == SIGKILL ? 128 + SIGKILL : 0)
        << "the writers lost their connections to a broker that lives";
    broker_.process().Kill();
    watching.join();
    for (const Message& message : watched) {
      const std::string rest = message.topic.substr(message.topic.find('/') + 1);
      witnesses_[rest.substr(0, rest.find('/'))].Add(message);
    }
    for (const auto& writer : writers_) {
      witnesses_[writer->bucket()].Raise(writer->highest_revision());
    }
  }

  // Now and then it is killed a second time, before it has come up.
  void DieWhileStarting() {
    const std::string seconds = "0.0" + std::to_string(10 + random_() % 80);
    // Ends when the broker has, which holds the store's lock for as long.
    const char* const script = R"("$@" & sleep "$0"; kill -9 $!; wait $!)";
    broker_.options().command_prefix = {"sh", "-c", script, seconds};
    if (broker_.Start()) {
      broker_.process().WaitExit();  // it was faster
    }
    broker_.options().command_prefix = {};
  }

  void ExpectEverythingThere() {
    KvClient client(broker_.port());
    ASSERT_TRUE(client.Connect()) << client.error();
    std::map<std::string, std::uint64_t> counted;
    std::map<std::string, std::uint64_t> counted_at_most;
    for (const char* bucket : {"deep", "flat"}) {
      const BucketDump dump = Dump(client, bucket);
      ExpectConsistent(client, bucket, dump);
      EXPECT_GE(dump.info.at("last_revision"), witnesses_[bucket].last()) << bucket;
      for (Message entry : dump.entries) {
        entry.topic = "kv/" + std::string(bucket) + "/" + entry.Property("kv-key").value_or("?");
        witnesses_[bucket].Add(entry);
      }
      for (const auto& writer : writers_) {
        if (writer->bucket() == bucket) {
          writer->Check(dump);
          counted[bucket] += writer->counted();
          counted_at_most[bucket] += writer->counted_at_most();
        }
      }
      const auto counter = dump.histories.find(CrashWriter::kCounterKey);
      const std::uint64_t count =
          counter == dump.histories.end() ? 0 : std::stoull(counter->second.back().value);
      EXPECT_GE(count, counted[bucket]) << "an acknowledged compare-and-set is lost";
      EXPECT_LE(count, counted_at_most[bucket]) << "a compare-and-set was done twice";
      ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsEntries(broker_.port(), bucket));
    }
    for (const auto& writer : writers_) {
      writer->SendAgain(client);
    }
  }

  const std::uint32_t seed_;
  std::mt19937 random_;
  KvBroker broker_;
  std::vector<std::unique_ptr<CrashWriter>> writers_;
  std::map<std::string, Witness> witnesses_;
};

std::string NameOfCase(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "WithTheBrokersFile" : "WithoutTheBrokersFile";
}
INSTANTIATE_TEST_SUITE_P(Killed, CrashTest, ::testing::Bool(), NameOfCase);

TEST_P(CrashTest, KeepsItsPromises) {
  const std::uint32_t kills = NumberFromEnvironment("KV_KILLS", 20) / 2;  // in each of two cases
  const auto started = broker_.Start();
  ASSERT_TRUE(started) << started.log;
  KvClient client(broker_.port());
  ASSERT_TRUE(client.Connect());
  ASSERT_TRUE(client.Put("flat/made", "so that both buckets are there").ok());
  for (std::uint32_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("KV_SEED=" + std::to_string(seed_) + ", kill " + std::to_string(kill));
    ASSERT_NO_FATAL_FAILURE(LiveAndDie());
    if (random_() % 3 == 0) {
      DieWhileStarting();
    }
    ChooseOptions();
    const auto again = broker_.Start();
    ASSERT_TRUE(again) << again.log;
    ASSERT_NO_FATAL_FAILURE(ExpectEverythingThere());
  }
  const auto restarted = broker_.Restart();
  ASSERT_TRUE(restarted) << restarted.log;
  for (const char* bucket : {"deep", "flat"}) {
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker_.port(), bucket));
  }
}

}  // namespace
}  // namespace kv::testing
