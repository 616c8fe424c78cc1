// A store whose bucket "b" is dropped; what is taken back of it as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "store/database.h"
#include "tests/store/store_fixture.h"

namespace kv::store::testing {

class BucketDropTest : public StoreTest {
 protected:
  BucketDropTest() { Open(); }

  void Drop(std::string_view name = "b") {
    const auto dropped = store_->DropBucket(Name(name));
    ASSERT_TRUE(dropped.ok()) << dropped.error().message;
    ASSERT_TRUE(store_->WaitDurable(*dropped).ok());
  }
  // "bucket/key@revision" of up to `limit` entries.
  Lines TakeBack(std::size_t limit) {
    std::vector<TakenBack> taken;
    const auto done = store_->TakeBack(now_, limit, taken);
    EXPECT_TRUE(done.ok()) << done.error().message;
    Lines lines;
    for (const auto& item : taken) {
      EXPECT_EQ(item.time, now_);
      EXPECT_EQ(item.retained, retained_);
      lines.push_back(item.bucket + "/" + item.key + "@" + std::to_string(item.revision));
    }
    return lines;
  }
  // All that is left, in slices.
  Lines TakeBackAll(std::size_t limit = 2) {
    Lines all;
    for (int i = 0; store_->HasLeaving() && i < 1000; ++i) {
      const Lines some = TakeBack(limit);
      EXPECT_LE(some.size(), limit);
      all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_FALSE(store_->HasLeaving());
    return all;
  }
  // The first letters of the keys on disk, each once.
  std::string TagsOnDisk() {
    EXPECT_TRUE(store_->Close().ok());
    store_.reset();
    std::string tags;
    {
      auto database = Database::Open({.path = options_.path + "/db", .create = false});
      EXPECT_TRUE(database.ok());
      EXPECT_TRUE((*database)
                      ->Scan("",
                             [&tags](std::string_view key, std::string_view) {
                               tags += tags.empty() || tags.back() != key.front()
                                           ? std::string(1, key.front())
                                           : "";
                               return Status(Ok{});
                             })
                      .ok());
    }
    Open();
    return tags;
  }
  // Six entries of the keys a, b, c, d; c has no value.
  void Fill() {
    CreateBucket("history=2");
    Put("a", "1");
    Put("b", "2");
    Put("a", "3");
    Put("c", "4");
    Delete("c");
    Put("d", "6");
  }
  const Lines filled_{"b/b@7", "b/a@8", "b/d@9"};  // by the revisions of the values

  bool retained_ = true;
};

}  // namespace kv::store::testing
