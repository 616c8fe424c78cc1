#include "store/loader.h"

#include <algorithm>
#include <array>
#include <span>
#include <unordered_map>
#include <utility>

#include "store/codec.h"
#include "store/stream_reader.h"

namespace kv::store {
namespace {

std::string_view Tag(const char& tag) {
  return {&tag, 1};
}

Error Damaged(const char* what) {
  return Error(ErrorCode::kStorageError, std::string("the database holds a damaged ") + what);
}

// Errors: storage-error, when an entry is damaged.
class IndexBuilder {
 public:
  explicit IndexBuilder(const std::unordered_map<BucketId, Bucket*>& buckets) : buckets_(buckets) {}

  // In lots, whose keys wait for memory together: see KeyIndex::FetchSlots.
  Status Enter(const StreamBatch& batch) {
    const std::span<const StreamBatch::Record> records(batch.records());
    for (std::size_t at = 0; at < records.size(); at += lot_.size()) {
      const auto lot = records.subspan(at, std::min(lot_.size(), records.size() - at));
      if (auto entered = EnterLot(batch, lot); !entered) {
        return entered;
      }
    }
    return Ok{};
  }

 private:
  struct Item {
    Bucket* bucket = nullptr;
    EntryHead head;
  };

  Status EnterLot(const StreamBatch& batch, std::span<const StreamBatch::Record> records) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto bucket = buckets_.find(records[i].ref.id);
      if (bucket == buckets_.end()) {
        return Damaged("entry of a bucket that the catalog does not know");
      }
      auto head = DecodeEntryHead(batch.TextOf(records[i]));
      if (!head) {
        return std::move(head).error();
      }
      lot_[i] = {bucket->second, *head};
      bucket->second->index().FetchSlots(head->key);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      lot_[i].bucket->index().FetchState(lot_[i].head.key);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      lot_[i].bucket->Load(records[i].ref.revision, lot_[i].head);
    }
    return Ok{};
  }

  const std::unordered_map<BucketId, Bucket*>& buckets_;
  std::array<Item, 64> lot_;
};

class Loader {
 public:
  Loader(Engine& engine, const LoadOptions& options) : engine_(engine), options_(options) {}

  Result<Loaded> Load() {
    for (const auto step : {&Loader::LoadNumbers,
                            &Loader::LoadCatalog,
                            &Loader::LoadLeaving,
                            &Loader::LoadStream,
                            &Loader::LoadDuplicates}) {
      if (auto done = (this->*step)(); !done) {
        return std::move(done).error();
      }
    }
    for (const auto& [id, bucket] : by_id_) {
      const bool gone = bucket->config().storage == Storage::kMemory && !options_.ended_cleanly;
      bucket->FinishLoading(options_.tail_may_be_lost || gone, numbers_[id].forgotten);
    }
    return std::move(loaded_);
  }

 private:
  struct Numbers {
    Revision reserved = 0;
    Revision last = 0;
    std::optional<Revision> forgotten;
  };

  Status LoadNumbers() {
    for (const char tag : {kReservedTag, kLastRevisionTag, kForgottenTag}) {
      auto scanned = engine_.database().Scan(
          Tag(tag), [this, tag](std::string_view key, std::string_view value) -> Status {
            const auto id = ParseIdKey(key);
            const auto number = DecodeNumber(value);
            if (!id || !number) {
              return Damaged("revision number");
            }
            Numbers& numbers = numbers_[*id];
            switch (tag) {
              case kReservedTag: numbers.reserved = *number; break;
              case kLastRevisionTag: numbers.last = *number; break;
              default: numbers.forgotten = *number; break;
            }
            return Ok{};
          });
      if (!scanned) {
        return scanned;
      }
    }
    return Ok{};
  }

  Status LoadCatalog() {
    return engine_.database().Scan(
        Tag(kBucketTag), [this](std::string_view key, std::string_view value) -> Status {
          auto record = DecodeBucket(value);
          if (!record) {
            return std::move(record).error();
          }
          std::string name(key.substr(1));
          loaded_.next_id = std::max(loaded_.next_id, record->id + 1);
          if (record->dropped) {
            loaded_.graves.emplace(std::move(name), Grave{record->id, numbers_[record->id].last});
          } else {
            auto bucket = Make(name, std::move(*record));
            loaded_.buckets.emplace(std::move(name), std::move(bucket));
          }
          return Ok{};
        });
  }

  Status LoadLeaving() {
    return engine_.database().Scan(
        std::string(1, kLeavingTag),
        [this](std::string_view key, std::string_view value) -> Status {
          const auto id = ParseIdKey(key);
          const auto record = DecodeLeaving(value);
          if (!id || !record) {
            return Damaged("record of a dropped bucket");
          }
          loaded_.next_id = std::max(loaded_.next_id, *id + 1);
          BucketRecord remains{.id = *id};
          remains.config.retained = record->retained;
          auto bucket = Make(std::string(record->name), std::move(remains));
          loaded_.leaving.push_back({std::move(bucket), record->first, 0});
          return Ok{};
        });
  }

  std::unique_ptr<Bucket> Make(const std::string& name, BucketRecord record) {
    const BucketId id = record.id;
    const Numbers numbers = numbers_[id];
    auto bucket = std::make_unique<Bucket>(
        name, std::move(record), Revisions(id, numbers.last, numbers.reserved), engine_);
    by_id_[id] = bucket.get();
    return bucket;
  }

  Status LoadStream() {
    IndexBuilder builder(by_id_);
    return ReadStream(engine_.database(),
                      [&builder](const StreamBatch& batch) { return builder.Enter(batch); });
  }

  Status LoadDuplicates() {
    return engine_.database().Scan(
        Tag(kDuplicateTag), [this](std::string_view key, std::string_view value) -> Status {
          const auto ref = ParseDuplicateKey(key);
          const auto first = DecodeDuplicate(value);
          if (!ref || !first) {
            return Damaged("message id");
          }
          const auto bucket = by_id_.find(ref->id);
          if (bucket != by_id_.end()) {
            bucket->second->LoadDuplicate(
                ref->message_id, first->revision, ref->time, first->result);
          }
          return Ok{};
        });
  }

  Engine& engine_;
  const LoadOptions options_;
  std::unordered_map<BucketId, Numbers> numbers_;
  std::unordered_map<BucketId, Bucket*> by_id_;
  Loaded loaded_;
};

}  // namespace

Result<Loaded> LoadBuckets(Engine& engine, const LoadOptions& options) {
  return Loader(engine, options).Load();
}

}  // namespace kv::store
