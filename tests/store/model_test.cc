// Ten thousand random steps against a std::map, through one life of the store after the other.
//
// Each life is a process of its own: it opens the store, compares everything, takes its steps and
// ends in order, or as one that is killed. What the store answered it leaves in a file, one line a
// step; so its parent can take the same steps with its own model, and the next life begins with
// what must be there.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/store/model_compare.h"
#include "tests/store/model_world.h"
#include "tests/store/store_fixture.h"
#include "tests/support/environment.h"

namespace kv::store::testing {
namespace {

class Life {
 public:
  Life(World world, StoreOptions options, const std::string& answers)
      : world_(std::move(world)), options_(std::move(options)), answers_(answers) {}

  // What went wrong; empty if nothing did. With End::kKilled it does not return then.
  std::string Run(std::uint64_t steps, End end) {
    auto opened = Store::Open(options_, world_.now);
    if (!opened.ok()) {
      return opened.error().message;
    }
    store_ = std::move(*opened);
    if (auto wrong = Answered(world_.TakeOpening(Opening())); !wrong.empty()) {
      return "after opening: " + wrong;
    }
    for (std::uint64_t i = 0; i < steps; ++i) {
      const Step step = world_.steps.Next(world_.model);
      const std::string answer = Do(step);
      answers_ << answer << std::endl;  // out of the process: it must survive its death
      std::string wrong = world_.Take(step, answer);
      if (i % 50 == 49 || i + 1 == steps) {
        wrong = Answered(wrong);
      }
      if (!wrong.empty()) {
        return "at step " + std::to_string(i) + ": " + wrong;
      }
    }
    if (end == End::kKilled) {
      ::raise(SIGKILL);
    }
    return CodeOf(store_->Close()) == "ok" ? "" : "it cannot be closed";
  }

 private:
  std::string Answered(const std::string& wrong) {
    return wrong.empty() ? Comparison(*store_, world_, world_.steps).Run() : wrong;
  }

  std::string Opening() {
    std::string line;
    for (const auto& [name, bucket] : store_->buckets()) {
      line +=
          (line.empty() ? "" : "\t") + name + "=" + std::to_string(bucket->stats().last_revision);
    }
    answers_ << line << std::endl;
    return line;
  }

  Bucket& BucketOf(const std::string& name) { return *store_->Find(*BucketName::Parse(name)); }

  std::string Do(const Step& step) {
    if (const auto* write = std::get_if<ModelWrite>(&step)) {
      return DoWrite(*write);
    }
    if (const auto* create = std::get_if<StepCreate>(&step)) {
      return CodeOf(
          store_->CreateBucket(*BucketName::Parse(create->bucket), create->config, world_.now));
    }
    if (const auto* config = std::get_if<StepConfig>(&step)) {
      return CodeOf(BucketOf(config->bucket).SetConfig(config->config, world_.now));
    }
    if (const auto* txn = std::get_if<StepTxn>(&step)) {
      return DoTxn(*txn);
    }
    if (const auto* drop = std::get_if<StepDrop>(&step)) {
      return CodeOf(store_->DropBucket(*BucketName::Parse(drop->bucket)));
    }
    if (const auto* take = std::get_if<StepTakeBack>(&step)) {
      return DoTakeBack(take->limit);
    }
    if (const auto* forget = std::get_if<StepForgetMarkers>(&step)) {
      return DoForgetMarkers(*forget);
    }
    if (const auto* expire = std::get_if<StepExpire>(&step)) {
      return DoExpire(world_.now + expire->advance);
    }
    if (std::holds_alternative<StepForgetIds>(step)) {
      store_->PruneDuplicates(world_.now);
      return "ok";
    }
    return CodeOf(store_->WaitDurable(store_->last_sequence()));
  }

  static Write WriteOf(const ModelWrite& write) {
    return {.operation = write.operation,
            .create = write.create,
            .expected = write.expected,
            .value = write.value,
            .ttl = write.ttl,
            .ephemeral = write.ephemeral,
            .message_id = write.message_id};
  }
  static std::string TextOf(const Written& written) {
    return std::to_string(written.revision) + (written.duplicate ? " again" : "") +
           (written.result.empty() ? "" : " " + written.result);
  }

  std::string DoWrite(const ModelWrite& write) {
    const auto written =
        BucketOf(write.bucket).Apply(*Key::Parse(write.key), WriteOf(write), world_.now);
    return written ? TextOf(*written) : std::string(written.error().token());
  }

  std::string DoTxn(const StepTxn& txn) {
    std::vector<KeyedWrite> writes;
    for (const auto& write : txn.writes) {
      writes.push_back({*Key::Parse(write.key), WriteOf(write)});
    }
    const auto list = [](const RevisionList& revisions) {
      std::string text;
      for (const Revision revision : revisions) {
        text += (text.empty() ? "" : ",") + std::to_string(revision);
      }
      return text;
    };
    RevisionList revisions;
    const auto written =
        BucketOf(txn.bucket)
            .ApplyAll(
                writes, {.message_id = txn.message_id, .result = list}, world_.now, revisions);
    if (!written) {
      return std::string(written.error().token());
    }
    return written->duplicate ? TextOf(*written) : list(revisions);
  }

  // Waits: what is not on disk yet is not taken back.
  std::string DoTakeBack(std::size_t limit) {
    std::vector<TakenBack> taken;
    auto done = store_->WaitDurable(store_->last_sequence());
    done = done ? store_->TakeBack(world_.now, limit, taken) : done;
    std::string line = done.ok() ? "" : done.error().message;
    for (const auto& item : taken) {
      line += (line.empty() ? "" : "\t") + item.bucket + "/" + item.key + "@" +
              std::to_string(item.revision);
    }
    return line;
  }

  std::string DoForgetMarkers(const StepForgetMarkers& step) {
    std::size_t keys = 0;
    Revision next = 0;
    do {
      const auto some = BucketOf(step.bucket)
                            .ForgetMarkers(world_.now - step.age, ~Revision{0}, step.limit, next);
      if (!some) {
        return std::string(some.error().token());
      }
      keys += *some;
    } while (next != 0);
    return std::to_string(keys);
  }

  std::string DoExpire(TimePoint now) {
    std::vector<BucketExpiration> expired;
    const auto done = store_->Expire(now, 100'000, expired);
    std::string line = done.ok() ? "" : done.error().message;
    for (const auto& [bucket, expiration] : expired) {
      line += (line.empty() ? "" : "\t") + bucket->name() + ":" + expiration.key + "@" +
              std::to_string(expiration.revision);
    }
    return line;
  }

  World world_;
  const StoreOptions options_;
  std::ofstream answers_;
  std::unique_ptr<Store> store_;
};

class ModelTest : public StoreTest {
 protected:
  ModelTest() {
    options_.duplicate_window = kWindow;
    options_.memtable_bytes = std::size_t{64} << 10;
    options_.journal_segment_bytes = std::size_t{32} << 10;
    options_.sync_interval = 50 * kMillisecond;
  }

  // A process of its own; true if it went well.
  bool Live(const World& world, std::uint64_t steps, End end) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      const std::string wrong = Life(world, options_, Answers()).Run(steps, end);
      std::cerr << wrong << (wrong.empty() ? "" : "\n");
      ::_exit(wrong.empty() ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return end == End::kKilled ? killed : ended;
  }

  // Takes the steps that the child took.
  void Follow(World& world, std::uint64_t steps) {
    std::ifstream answers(Answers());
    std::string line;
    ASSERT_TRUE(std::getline(answers, line));
    ASSERT_EQ(world.TakeOpening(line), "");
    for (std::uint64_t i = 0; i < steps; ++i) {
      ASSERT_TRUE(std::getline(answers, line));
      const Step step = world.steps.Next(world.model);
      ASSERT_EQ(world.Take(step, line), "");
    }
  }

  void Run(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    World world(seed);
    for (std::uint64_t done = 0; done < 10'000;) {
      const std::uint64_t steps = 1 + random() % 500;
      const End end = random() % 3 == 0 ? End::kInOrder : End::kKilled;
      ASSERT_TRUE(Live(world, steps, end)) << "seed " << seed << ", after " << done << " steps";
      ASSERT_NO_FATAL_FAILURE(Follow(world, steps));
      world.last_end = end;
      done += steps;
    }
  }

 private:
  std::string Answers() const { return directory_->path() + "/answers"; }
};

TEST_F(ModelTest, DoesWhatAMapDoes) {
  Run(1);
}

// KV_MODEL_SEED: to repeat what a run printed.
TEST_F(ModelTest, DoesWhatAMapDoesWhateverTheSeed) {
  const std::uint64_t seed =
      kv::testing::NumberFromEnvironment("KV_MODEL_SEED", std::random_device()());
  std::cout << "seed " << seed << std::endl;
  Run(seed);
}

}  // namespace
}  // namespace kv::store::testing
