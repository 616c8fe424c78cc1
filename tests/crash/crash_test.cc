// Several writers, a broker that is killed again and again, and the promise that nothing that was
// acknowledged is lost, none of it is half there, no revision comes twice, and the retained
// messages equal the store.
//   KV_KILLS  how often it is killed (default 20); scripts/crash
//   KV_SEED   to repeat a run's choices (the moments of the kills still differ)
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/crash/mortal_writer.h"
#include "tests/crash/writer.h"
#include "tests/support/environment.h"

namespace kv::testing {
namespace {

// What one revision of a bucket is; it must never become anything else.
struct Seen {
  std::string topic;
  std::string operation;
  std::string time;
  std::size_t value_hash;

  friend bool operator==(const Seen&, const Seen&) = default;
};

// Everything that any client ever got to see of a bucket.
class Past {
 public:
  void Add(const Message& message) {
    const Revision revision = RevisionOf(message);
    if (revision == 0) {
      return;  // clears what the store does not know
    }
    Seen seen{message.topic,
              message.Property("kv-op").value_or("?"),
              TimeOf(message),
              std::hash<std::string>()(message.payload)};
    const auto [known, fresh] = seen_.emplace(revision, seen);
    EXPECT_TRUE(fresh || known->second == seen)
        << "revision " << revision << " was " << known->second.topic << " and is " << message.topic;
    last_ = std::max(last_, revision);
  }
  void Raise(Revision revision) { last_ = std::max(last_, revision); }
  Revision last() const { return last_; }

 private:
  // A dropped bucket's ends are told of anew, at another time, when the broker died over it.
  static std::string TimeOf(const Message& message) {
    const bool may_come_again = message.Property("kv-reason") == "bucket-deleted";
    return may_come_again ? "" : message.Property("kv-time").value_or("?");
  }

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
          i, deep ? "deep" : "flat", deep ? 3 : 1, false, static_cast<std::uint32_t>(random_())));
    }
    writers_.push_back(
        std::make_unique<CrashWriter>(4, "mayfly", 1, true, static_cast<std::uint32_t>(random_())));
  }

  // In every mode what was acknowledged survives the death of the process.
  void ChooseOptions() {
    constexpr std::array modes{"always", "batch", "interval"};
    broker_.options().plugin = {{"bucket_deep", "history=3"},
                                {"bucket_flat", "history=1"},
                                {"bucket_mortal", "history=2"},
                                {"duplicate_window", "1d"},
                                {"sync", modes[random_() % modes.size()]}};
  }

  // Runs writers and a watcher until the broker dies of its `operations`-th write.
  void LiveAndDie() {
    const int operations = 20 + static_cast<int>(random_() % 600);
    const int save_at = static_cast<int>(random_() % 600);
    // Now and then it may end in order.
    const int signal = random_() % 4 == 0 ? SIGTERM : SIGKILL;
    ++(signal == SIGKILL ? kills_ : ends_in_order_);
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
      writing.emplace_back([&, last = pasts_[writer->bucket()].last()] {
        writer->Run(broker_.port(), last, on_operation);
      });
    }
    writing.emplace_back([&] { mortal_.Run(broker_.port(), on_operation); });
    for (std::thread& thread : writing) {
      thread.join();
    }
    EXPECT_EQ(broker_.process().WaitExit(), signal == SIGKILL ? 128 + SIGKILL : 0)
        << "the writers lost their connections to a broker that lives";
    broker_.process().Kill();
    watching.join();
    writes_ += static_cast<std::uint64_t>(done);
    for (const Message& message : watched) {
      const std::string rest = message.topic.substr(message.topic.find('/') + 1);
      pasts_[rest.substr(0, rest.find('/'))].Add(message);
    }
    for (const auto& writer : writers_) {
      pasts_[writer->bucket()].Raise(writer->highest_revision());
    }
  }

  // Now and then it is killed a second time, before it has come up.
  void DieWhileStarting() {
    const std::string seconds = "0.0" + std::to_string(10 + random_() % 80);
    // Ends when the broker has, which holds the store's lock for as long.
    const char* const script = R"("$@" & sleep "$0"; kill -9 $!; wait $!)";
    broker_.options().command_prefix = {"sh", "-c", script, seconds};
    ++kills_at_start_;
    if (broker_.Start()) {
      broker_.process().WaitExit();  // it was faster
    }
    broker_.options().command_prefix = {};
  }

  void ExpectEverythingThere() {
    KvClient client(broker_.port());
    ASSERT_TRUE(client.Connect()) << client.error();
    ASSERT_TRUE(mortal_.AwaitEnds(client));
    for (const char* bucket : {"deep", "flat", "mayfly", "mortal"}) {
      SCOPED_TRACE(bucket);
      const BucketDump dump = Dump(client, bucket);
      if (!dump.info.is_null()) {
        ExpectConsistent(client, bucket, dump);
        EXPECT_GE(dump.info.at("last_revision"), pasts_[bucket].last());
      }
      Remember(bucket, dump);
      for (const auto& writer : writers_) {
        if (writer->bucket() == bucket) {
          writer->Check(dump);
        }
      }
      ASSERT_NO_FATAL_FAILURE(ExpectRetained(bucket, dump));
      ExpectCounter(bucket, dump);
    }
    mortal_.Check(Dump(client, "mortal"));
    for (const auto& writer : writers_) {
      writer->SendAgain(client);
    }
  }

  void Remember(const std::string& bucket, const BucketDump& dump) {
    for (Message entry : dump.entries) {
      entry.topic = "kv/" + bucket + "/" + entry.Property("kv-key").value_or("?");
      pasts_[bucket].Add(entry);
    }
  }

  void ExpectRetained(const std::string& bucket, const BucketDump& dump) {
    // What a dropped bucket left behind goes bit by bit.
    const auto has_ghosts = [&] {
      const auto retained = RetainedMessages(broker_.port(), "kv/" + bucket + "/#");
      return std::any_of(retained.begin(), retained.end(), [&](const auto& message) {
        return !dump.histories.contains(message.first.substr(bucket.size() + 4));
      });
    };
    EXPECT_TRUE(Eventually([&] { return !has_ghosts(); }));
    if (!dump.info.is_null()) {
      ExpectRetainedEqualsEntries(broker_.port(), bucket);
    }
  }

  void ExpectCounter(const std::string& bucket, const BucketDump& dump) {
    std::uint64_t counted = 0;
    std::uint64_t counted_at_most = 0;
    for (const auto& writer : writers_) {
      counted += writer->bucket() == bucket ? writer->counted() : 0;
      counted_at_most += writer->bucket() == bucket ? writer->counted_at_most() : 0;
    }
    const auto counter = dump.histories.find(CrashWriter::kCounterKey);
    const std::uint64_t count =
        counter == dump.histories.end() ? 0 : std::stoull(counter->second.back().value);
    EXPECT_GE(count, counted) << "an acknowledged compare-and-set is lost";
    EXPECT_LE(count, counted_at_most) << "a compare-and-set was done twice";
  }

  const std::uint32_t seed_;
  std::mt19937 random_;
  KvBroker broker_;
  std::vector<std::unique_ptr<CrashWriter>> writers_;
  MortalWriter mortal_{"mortal", static_cast<std::uint32_t>(random_())};
  std::map<std::string, Past> pasts_;
  std::uint32_t kills_ = 0;
  std::uint32_t kills_at_start_ = 0;
  std::uint32_t ends_in_order_ = 0;
  std::uint64_t writes_ = 0;
};

std::string NameOfCase(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "WithTheBrokersFile" : "WithoutTheBrokersFile";
}
INSTANTIATE_TEST_SUITE_P(Killed, CrashTest, ::testing::Bool(), NameOfCase);

TEST_P(CrashTest, KeepsItsPromises) {
  const std::uint32_t kills = NumberFromEnvironment("KV_KILLS", 20) / 2;  // in each of two cases
  const auto started = broker_.Start();
  ASSERT_TRUE(started) << started.log;
  while (kills_ < kills && !HasFailure()) {
    SCOPED_TRACE("KV_SEED=" + std::to_string(seed_) + ", kill " + std::to_string(kills_));
    ASSERT_NO_FATAL_FAILURE(LiveAndDie());
    if (random_() % 3 == 0) {
      DieWhileStarting();
    }
    ChooseOptions();
    const auto again = broker_.Start();
    ASSERT_TRUE(again) << again.log;
    ASSERT_NO_FATAL_FAILURE(ExpectEverythingThere());
  }
  std::cout << kills_ << " kills under load, " << kills_at_start_ << " at start, " << ends_in_order_
            << " ends in order, " << writes_ << " writes\n";
  const auto restarted = broker_.Restart();
  ASSERT_TRUE(restarted) << restarted.log;
  for (const char* bucket : {"deep", "flat"}) {
    ASSERT_NO_FATAL_FAILURE(ExpectRetainedEqualsStore(broker_.port(), bucket));
  }
}

}  // namespace
}  // namespace kv::testing
