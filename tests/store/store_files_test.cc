#include "store/store_files.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kv::store::testing {
namespace {

class StoreFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (HasStoreFiles()) {
      GTEST_SKIP() << "here no thread may have a table of its own";
    }
  }
};

TEST_F(StoreFilesTest, AreThoseOfTheStoresThreadsAndOfWhatTheyMake) {
  bool child = false;
  EXPECT_TRUE(WithStoreFiles([&] {
    std::thread([&] { child = HasStoreFiles(); }).join();
    return HasStoreFiles();
  }));
  EXPECT_TRUE(child);
  EXPECT_FALSE(HasStoreFiles());
  bool other = true;
  std::thread([&] { other = HasStoreFiles(); }).join();
  EXPECT_FALSE(other);
}

TEST_F(StoreFilesTest, WorkThatHasThemStaysOnItsThread) {
  const auto [outer, inner] = WithStoreFiles([] {
    return std::pair(std::this_thread::get_id(),
                     WithStoreFiles([] { return std::this_thread::get_id(); }));
  });
  EXPECT_EQ(outer, inner);
  EXPECT_NE(outer, std::this_thread::get_id());
}

TEST_F(StoreFilesTest, WhatWorkThrowsIsThrownHere) {
  const auto throwing = [] {
    return WithStoreFiles([]() -> int { throw std::range_error("x"); });
  };
  EXPECT_THROW(throwing(), std::range_error);
  EXPECT_EQ(WithStoreFiles([] { return 7; }), 7) << "the thread goes on";
}

TEST_F(StoreFilesTest, ManyAskAtATime) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&right, i] {
      for (int k = 0; k < 200; ++k) {
        right += WithStoreFiles([&] { return i * k; }) == i * k ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 8 * 200);
}

}  // namespace
}  // namespace kv::store::testing
