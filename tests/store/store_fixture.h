// A store on a real RocksDB in a directory of its own, at a time that the test decides; what it
// holds as text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/store.h"
#include "tests/store/temp_directory.h"

namespace kv::store::testing {

using Lines = std::vector<std::string>;

// "3 a/b PUT value", with the reason of a marker that nobody asked for.
inline std::string TextOf(const Entry& entry) {
  std::string text = std::to_string(entry.revision) + " " + entry.key + " ";
  text += NameOf(entry.operation);
  text += entry.is_marker() ? "" : " " + entry.value;
  return text + (entry.reason == Reason::kNone ? "" : " " + std::string(NameOf(entry.reason)));
}

// All pages of a request.
inline Lines Read(const Bucket& bucket, PageRequest request = {}) {
  Lines lines;
  for (;;) {
    const auto page = bucket.ReadPage(request);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return lines;
    }
    for (const Entry& entry : page->entries) {
      lines.push_back(TextOf(entry));
    }
    if (page->next == 0) {
      return lines;
    }
    request.from = page->next;
  }
}

inline Lines KeysOf(const Bucket& bucket, KeysRequest request = {}) {
  return bucket.ReadKeys(request).keys;
}

// The files of a directory: names, sizes and when they were changed.
inline std::map<std::string, std::pair<std::uintmax_t, std::filesystem::file_time_type>> FilesOf(
    const std::string& directory) {
  namespace fs = std::filesystem;
  std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> files;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(directory, error)) {
    files[item.path().filename()] = {item.file_size(error), item.last_write_time(error)};
  }
  return files;
}

// Copies the files of a directory in use as they were at one moment: again, until none was changed
// meanwhile. RocksDB merges tables in the background; a list of its files from before and a table
// from after make no database that ever was.
inline void CopyLive(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  for (auto before = FilesOf(from);;) {
    std::error_code error;
    fs::remove_all(to);
    fs::create_directory(to);
    for (const auto& [name, unused] : before) {
      fs::copy_file(fs::path(from) / name, fs::path(to) / name, error);
      EXPECT_TRUE(!error || error == std::errc::no_such_file_or_directory) << error.message();
    }
    auto after = FilesOf(from);
    if (after == before) {
      return;
    }
    before = std::move(after);
  }
}

// "code" of a failure, "ok" of a success.
template <typename T>
std::string CodeOf(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(result.error().token());
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options_.path = directory_->path() + "/store";
    options_.journal_segment_bytes = std::size_t{64} << 10;
    options_.cache_bytes = std::size_t{1} << 20;
    options_.boot_id = "boot 1";
  }

  void Open() {
    store_.reset();
    auto opened = Store::Open(options_, now_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
  }

  // Ended in order and begun again.
  void Reopen() {
    ASSERT_TRUE(store_->Close().ok());
    Open();
  }

  // Goes on with the files as they are now: what a process finds whose predecessor was killed. The
  // journal is copied first: the database may know more than the journal, never less than what was
  // released.
  void Kill() {
    auto next = std::make_unique<TempDirectory>();
    const std::string path = next->path() + "/store";
    std::filesystem::create_directory(path);
    std::filesystem::copy_file(options_.path + "/FORMAT", path + "/FORMAT");
    CopyLive(options_.path + "/journal", path + "/journal");
    CopyLive(options_.path + "/db", path + "/db");
    store_.reset();
    options_.path = path;
    directory_ = std::move(next);
  }
  void Crash() {
    Kill();
    Open();
  }

  static BucketName Name(std::string_view name) { return *BucketName::Parse(name); }

  Bucket& BucketOf(std::string_view name) {
    auto bucket = store_->FindOrCreate(Name(name), now_);
    if (!bucket.ok()) {
      ADD_FAILURE() << bucket.error().message;
      std::abort();
    }
    return **bucket;
  }
  Bucket& bucket() { return BucketOf("b"); }

  // A bucket "b" of this configuration, as mosquitto.conf has it.
  void CreateBucket(std::string_view fields) {
    auto created = store_->CreateBucket(Name("b"), ConfigOf(fields), now_);
    ASSERT_TRUE(created.ok()) << created.error().message;
  }
  static BucketConfig ConfigOf(std::string_view fields) {
    BucketConfig config;
    const auto read = ReadFields(config, fields);
    EXPECT_TRUE(read.ok()) << fields;
    return config;
  }
  Status Change(std::string_view fields) { return bucket().SetConfig(ConfigOf(fields), now_); }

  Result<Written> Apply(std::string_view key, const Write& write) {
    return bucket().Apply(*Key::Parse(key), write, now_);
  }
  // The revision; 0 if it wrote nothing.
  Revision Do(std::string_view key, const Write& write) {
    const auto written = Apply(key, write);
    EXPECT_TRUE(written.ok()) << written.error().message;
    return written.ok() ? written->revision : 0;
  }
  Revision Put(std::string_view key, std::string_view value) { return Do(key, {.value = value}); }
  Revision Delete(std::string_view key) { return Do(key, {.operation = Operation::kDelete}); }
  Revision Purge(std::string_view key) { return Do(key, {.operation = Operation::kPurge}); }

  // "key@revision" of every key whose value ended.
  Lines Expire(std::size_t limit = 1000) {
    std::vector<BucketExpiration> expired;
    const auto done = store_->Expire(now_, limit, expired);
    EXPECT_TRUE(done.ok()) << done.error().message;
    Lines lines;
    for (const auto& [bucket, expiration] : expired) {
      EXPECT_EQ(expiration.time, now_);
      lines.push_back(expiration.key + "@" + std::to_string(expiration.revision));
    }
    return lines;
  }

  Lines History() { return Read(bucket()); }
  Lines Newest() { return Read(bucket(), {.newest_only = true}); }
  std::string Get(std::string_view key) {
    const auto entry = bucket().Get(*Key::Parse(key));
    return entry.ok() ? TextOf(*entry) : std::string(entry.error().token());
  }

  std::unique_ptr<TempDirectory> directory_ = std::make_unique<TempDirectory>();
  StoreOptions options_;
  TimePoint now_ = 1'700'000'000 * kSecond;
  std::unique_ptr<Store> store_;
};

}  // namespace kv::store::testing
