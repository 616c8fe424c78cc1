#include "kv/own_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

namespace kv::testing {
namespace {

bool IsOpen(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0;
}

int OpenSomething() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

TEST(OwnFilesTest, AThreadThatHasItsOwnSharesNoneWithOthers) {
  const int ours = OpenSomething();
  ASSERT_GE(ours, 3);
  bool taken = false;
  bool saw_ours = true;
  int its = -1;
  bool its_child_saw_it = false;
  std::thread([&] {
    taken = TakeOwnFiles();
    saw_ours = IsOpen(ours);
    its = ::fcntl(OpenSomething(), F_DUPFD_CLOEXEC, 700);
    std::thread([&] { its_child_saw_it = IsOpen(its); }).join();
  }).join();
  if (!taken) {
    GTEST_SKIP() << "here no thread may have a table of its own";
  }
  EXPECT_FALSE(saw_ours);
  EXPECT_TRUE(IsOpen(ours)) << "it was closed for everybody";
  ASSERT_GE(its, 700);
  EXPECT_TRUE(its_child_saw_it);
  EXPECT_FALSE(IsOpen(its));
  ::close(ours);
}

TEST(OwnFilesTest, TheFirstThreeStayOpen) {
  bool taken = false;
  bool before = false;
  bool after = false;
  std::thread([&] {
    before = IsOpen(2);
    taken = TakeOwnFiles();
    after = IsOpen(2);
  }).join();
  if (!taken) {
    GTEST_SKIP() << "here no thread may have a table of its own";
  }
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace kv::testing
