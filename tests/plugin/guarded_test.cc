// Nothing that throws crosses the boundary to C.
#include "plugin/guarded.h"

#include <new>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace kv::plugin::testing {
namespace {

constexpr int kAnswer = 12;

static_assert(noexcept(Guarded([](const char*) { return 0; }, []() -> int { throw 5; })));

class GuardedTest : public ::testing::Test {
 protected:
  template <typename Fn>
  int Call(const Fn& fn) {
    return Guarded(
        [this](const char* what) {
          ++failures_;
          what_ = what;
          return kAnswer;
        },
        fn);
  }

  int failures_ = 0;
  std::string what_;
};

TEST_F(GuardedTest, PassesTheAnswerOn) {
  EXPECT_EQ(Call([] { return 0; }), 0);
  EXPECT_EQ(Call([] { return 7; }), 7);
  EXPECT_EQ(failures_, 0);
}

TEST_F(GuardedTest, TurnsAnExceptionIntoTheGivenAnswer) {
  EXPECT_EQ(Call([]() -> int { throw std::runtime_error("disk gone"); }), kAnswer);
  EXPECT_EQ(what_, "disk gone");
  EXPECT_EQ(Call([]() -> int { throw std::bad_alloc(); }), kAnswer);
  EXPECT_EQ(failures_, 2);
}

TEST_F(GuardedTest, TurnsWhatIsNoExceptionIntoTheGivenAnswerToo) {
  EXPECT_EQ(Call([]() -> int { throw 5; }), kAnswer);  // NOLINT(hicpp-exception-baseclass)
  EXPECT_EQ(what_, "an unknown exception");
}

}  // namespace
}  // namespace kv::plugin::testing
