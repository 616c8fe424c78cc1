// Lock and LeaderElection: one at a time, also when the one is gone without a word.
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "mosquitto_kv/leader_election.h"
#include "mosquitto_kv/lock.h"
#include "tests/e2e/client_fixture.h"
#include "tests/support/proxy.h"

namespace kv::testing {
namespace {

using std::chrono::milliseconds;

class ClientLock : public ClientTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(StartBroker());
    client_.emplace(Connected());
  }

  // A second client, by a network that can fail.
  void ConnectOther() {
    proxy_.emplace(broker().port());
    ClientOptions options = Options();
    options.port = proxy_->port();
    other_.emplace(Connected(options));
  }

  kv::Bucket locks() { return client_->bucket("locks"); }

  std::optional<Client> client_;
  std::optional<Proxy> proxy_;
  std::optional<Client> other_;
};

TEST_F(ClientLock, IsHeldByOneWithHigherTokensEachTime) {
  Lock one(locks(), "job", {.owner = "ann"});
  Lock two(locks(), "job", {.owner = "bob"});
  const auto token = one.TryAcquire();
  ASSERT_TRUE(token.ok()) << WhyOf(token);
  EXPECT_TRUE(one.held());
  EXPECT_EQ(one.token(), *token);
  EXPECT_EQ(locks().Get("job")->value, "ann");
  EXPECT_EQ(*one.Acquire(kPatience), *token) << "holding it already is success";
  EXPECT_EQ(TokenOf(two.TryAcquire()), "key-exists");
  EXPECT_EQ(TokenOf(two.Acquire(milliseconds(50))), "timeout");
  ASSERT_TRUE(one.Release().ok());
  EXPECT_FALSE(one.held());
  const auto next = two.TryAcquire();
  ASSERT_TRUE(next.ok()) << WhyOf(next);
  EXPECT_GT(*next, *token);
  EXPECT_EQ(TokenOf(one.Release()), "key-not-found");
}

// Whether it is got in the very moment in which the time is over is up to chance; here, often.
TEST_F(ClientLock, IsNotHeldAfterAnAcquireThatFailed) {
  Lock lock(locks(), "job");
  ASSERT_TRUE(lock.TryAcquire().ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(lock.Release().ok());
    while (!lock.Acquire(milliseconds(i % 3 + 1))) {
      IgnoreError(locks().Info(), "what was on its way to the client is there then");
      ASSERT_FALSE(lock.held()) << "round " << i;
    }
    ASSERT_EQ(locks().Get("job")->revision, lock.token()) << "round " << i;
  }
}

TEST_F(ClientLock, RefusedWriteEndsTheAttemptAndNotTheLock) {
  ASSERT_TRUE(client_->CreateBucket("tight", {{"max_keys", "1"}}).ok());
  const kv::Bucket tight = client_->bucket("tight");
  ASSERT_TRUE(tight.Put("other", "v").ok());
  Lock lock(tight, "job");
  EXPECT_EQ(TokenOf(lock.Acquire(kPatience)), "bucket-full");
  EXPECT_EQ(TokenOf(lock.Acquire(kPatience)), "bucket-full");
  ASSERT_TRUE(client_->UpdateBucket("tight", {{"max_keys", "2"}}).ok());
  const auto token = lock.Acquire(kPatience);
  EXPECT_TRUE(token.ok()) << WhyOf(token);
}

TEST_F(ClientLock, TriesNoLongerThanTheBucketsTimeoutAndCanBeAskedAgain) {
  ConnectOther();
  const kv::Bucket hasty = other_->bucket("locks").WithTimeout(milliseconds(100));
  Lock known(hasty, "known");
  ASSERT_TRUE(Eventually([&] { return known.TryAcquire().ok(); }));
  ASSERT_TRUE(Eventually([&] { return known.Release().ok() || !known.held(); }));
  Lock fresh(hasty, "fresh");
  proxy_->Cut();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(known.TryAcquire().ok());
  EXPECT_FALSE(fresh.TryAcquire().ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, kPatience / 2);
  proxy_->Restore();
  EXPECT_TRUE(Eventually([&] { return known.TryAcquire().ok(); }));
  EXPECT_TRUE(Eventually([&] { return fresh.TryAcquire().ok(); })) << "its watch begins anew";
}

TEST_F(ClientLock, WaiterGetsItWhenItIsFree) {
  Lock one(locks(), "job");
  Lock two(locks(), "job");
  const auto token = one.TryAcquire();
  ASSERT_TRUE(token.ok()) << WhyOf(token);
  auto waiting = std::async(std::launch::async, [&two] { return two.Acquire(kPatience); });
  ASSERT_TRUE(one.Release().ok());
  const auto next = waiting.get();
  ASSERT_TRUE(next.ok()) << WhyOf(next);
  EXPECT_GT(*next, *token);
}

TEST_F(ClientLock, HolderThatIsGoneLosesItAndKnows) {
  ConnectOther();
  std::promise<void> lost;
  Lock one(other_->bucket("locks"), "job", {.on_lost = [&lost] {
             lost.set_value();
           }});
  Lock two(locks(), "job");
  const auto token = one.TryAcquire();
  ASSERT_TRUE(token.ok()) << WhyOf(token);
  auto waiting = std::async(std::launch::async, [&two] { return two.Acquire(kPatience); });
  proxy_->Cut();
  const auto next = waiting.get();
  ASSERT_TRUE(next.ok()) << WhyOf(next);
  EXPECT_GT(*next, *token);
  lost.get_future().wait();
  EXPECT_FALSE(one.held());
  proxy_->Restore();
  EXPECT_EQ(TokenOf(one.Acquire(milliseconds(50))), "timeout");
  ASSERT_TRUE(two.Release().ok());
  EXPECT_TRUE(one.Acquire(kPatience).ok());
}

TEST_F(ClientLock, HolderLosesItWhenSomebodyDeletesTheKey) {
  std::promise<void> lost;
  Lock lock(locks(), "job", {.on_lost = [&lost] {
              lost.set_value();
            }});
  ASSERT_TRUE(lock.TryAcquire().ok());
  ASSERT_TRUE(locks().Delete("job").ok());
  lost.get_future().wait();
  EXPECT_FALSE(lock.held());
  EXPECT_TRUE(lock.Acquire(kPatience).ok());
}

TEST_F(ClientLock, EndOfTheLockLetsItGo) {
  Lock two(locks(), "job");
  {
    Lock one(locks(), "job");
    ASSERT_TRUE(one.TryAcquire().ok());
  }
  EXPECT_TRUE(two.Acquire(kPatience).ok());
  client_.reset();
  EXPECT_FALSE(two.held());
  EXPECT_EQ(TokenOf(two.TryAcquire()), "cancelled");
}

TEST_F(ClientLock, SurvivesTheDeathOfTheBroker) {
  std::promise<void> lost;
  Lock lock(locks(), "job", {.on_lost = [&lost] {
              lost.set_value();
            }});
  const auto token = lock.TryAcquire();
  ASSERT_TRUE(token.ok()) << WhyOf(token);
  ASSERT_TRUE(broker().KillAndStart());
  lost.get_future().wait();
  const auto next = lock.Acquire(kPatience);
  ASSERT_TRUE(next.ok()) << WhyOf(next);
  EXPECT_GT(*next, *token);
}

TEST_F(ClientLock, MayBeTakenInACallback) {
  std::promise<std::string> taken;
  Lock lock(locks(), "job");
  client_->bucket("b").async().Put("k", "v").Then(
      [&](const Result<Written>&) { taken.set_value(TokenOf(lock.Acquire(kPatience))); });
  EXPECT_EQ(taken.get_future().get(), "ok");
  client_.reset();  // waits for the callback
}

// What a candidate was told, to be waited for.
class Told {
 public:
  void Add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    told_.push_back(what);
    changed_.notify_all();
  }
  bool Wait(const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] {
      return std::find(told_.begin(), told_.end(), what) != told_.end();
    });
  }
  std::size_t Count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(told_.begin(), told_.end(), what));
  }
  ElectionSettings As(const std::string& candidate) {
    return {.candidate = candidate,
            .on_elected = [this](Revision) { Add("elected"); },
            .on_lost = [this] { Add("lost"); },
            .on_ended = [this](const Error& error) { Add("ended " + std::string(error.token())); },
            .on_leader =
                [this](const std::string& leader) {
                  Add("leader " + leader);
                }};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
};

TEST_F(ClientLock, OfTheCandidatesOneLeadsUntilItIsGone) {
  ConnectOther();
  Told first;
  Told second;
  auto one = LeaderElection::Stand(other_->bucket("b"), "leader", first.As("ann"));
  ASSERT_TRUE(one.ok()) << WhyOf(one);
  EXPECT_TRUE(one->leads());
  EXPECT_TRUE(first.Wait("elected"));
  auto two = LeaderElection::Stand(client_->bucket("b"), "leader", second.As("bob"));
  ASSERT_TRUE(two.ok()) << WhyOf(two);
  EXPECT_FALSE(two->leads());
  EXPECT_TRUE(second.Wait("leader ann"));
  const Revision token = one->token();
  proxy_->Cut();
  EXPECT_TRUE(second.Wait("elected"));
  EXPECT_TRUE(first.Wait("lost"));
  EXPECT_GT(two->token(), token);
  EXPECT_FALSE(one->leads());
  proxy_->Restore();
  EXPECT_TRUE(first.Wait("leader bob"));
  EXPECT_EQ(one->leader(), "bob");
  two->Withdraw();
  EXPECT_FALSE(two->leads());
  EXPECT_TRUE(second.Wait("leader bob"));
  EXPECT_TRUE(Eventually([&] { return client_->bucket("b").Get("leader").ok() && one->leads(); }));
}

TEST_F(ClientLock, LeaderIsToldOnceThatItsClientWasClosed) {
  Told told;
  auto leader = LeaderElection::Stand(client_->bucket("b"), "leader", told.As("ann"));
  ASSERT_TRUE(leader.ok()) << WhyOf(leader);
  client_.reset();  // waits for the callbacks
  EXPECT_EQ(told.Count("lost"), 1U);
  EXPECT_EQ(told.Count("ended cancelled"), 1U);
  EXPECT_FALSE(leader->leads());
}

TEST_F(ClientLock, CandidateThatMayNotStandIsTold) {
  EXPECT_EQ(TokenOf(LeaderElection::Stand(client_->bucket("b"), "a/#")), "invalid-key");
  EXPECT_EQ(TokenOf(LeaderElection::Stand(client_->bucket("#"), "a")), "invalid-bucket");
  Lock lock(client_->bucket("b"), "+");
  EXPECT_EQ(TokenOf(lock.TryAcquire()), "invalid-key");
}

}  // namespace
}  // namespace kv::testing
