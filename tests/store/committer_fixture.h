// A committer between a journal and a database, without a store.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "store/change_set.h"
#include "store/committer.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {

class CommitterTest : public ::testing::Test {
 protected:
  void Start(CommitterOptions options = {}) {
    auto database = Database::Open({.path = directory_.path() + "/db"});
    ASSERT_TRUE(database.ok());
    database_ = std::move(*database);
    auto journal = Journal::Create({.directory = directory_.path() + "/journal"}, 1);
    ASSERT_TRUE(journal.ok()) << journal.error().message;
    journal_ = std::move(*journal);
    options.synced_log.directory = directory_.path() + "/journal";
    committer_ = std::make_unique<Committer>(*database_, *journal_, 0, std::move(options));
  }
  void TearDown() override { committer_.reset(); }

  Sequence Append(const ChangeSet& changes) {
    const auto record = journal_->Append(changes.bytes());
    EXPECT_TRUE(record.ok());
    committer_->Notify();
    return record.ok() ? record->sequence : 0;
  }

  const TempDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Committer> committer_;
};

}  // namespace kv::store::testing
