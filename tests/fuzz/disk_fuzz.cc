// Everything that reads what stands on a disk: the records of the store, change sets, segments of
// the journal, RocksDB's manifest, the broker's file of retained messages, and its configuration.
// The first byte chooses which. Beside not crashing, what was accepted has to keep its promises.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "kv/clock.h"
#include "plugin/broker_configuration.h"
#include "plugin/broker_snapshot.h"
#include "store/change_set.h"
#include "store/codec.h"
#include "store/manifest.h"
#include "store/segment.h"

namespace kv {
namespace {

void Require(bool promise) {
  if (!promise) {
    std::abort();
  }
}

class FixedClock final : public Clock {
 public:
  TimePoint Now() const override { return 1'700'000'000 * kSecond; }
};

// A place for what is read from a file.
class Scratch {
 public:
  Scratch()
      : path_(std::filesystem::temp_directory_path() / ("kv-fuzz-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_; }
  std::string Write(const char* name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::ofstream(file, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file;
  }

 private:
  std::filesystem::path path_;
};

const Scratch& TheScratch() {
  static const Scratch kScratch;
  return kScratch;
}

bool IsWithin(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

std::string Encoded(const Entry& entry, Revision former) {
  std::string record;
  store::AppendEntry(record,
                     {.key = entry.key,
                      .operation = entry.operation,
                      .reason = entry.reason,
                      .qos = entry.qos,
                      .time = entry.time,
                      .expires = entry.expires,
                      .former = former,
                      .ephemeral = entry.ephemeral,
                      .author = entry.author ? &*entry.author : nullptr,
                      .properties = &entry.properties,
                      .value = entry.value});
  return record;
}

void FuzzEntry(std::string_view bytes) {
  const auto head = store::DecodeEntryHead(bytes);
  const auto entry = store::DecodeEntry(bytes, 1);
  Require(head.ok() == entry.ok());
  if (!head) {
    return;
  }
  Require(IsWithin(head->key, bytes) && IsWithin(head->value, bytes));
  // What it says is said again by what is written of it.
  const std::string again = Encoded(*entry, head->former);
  const auto same = store::DecodeEntry(again, 1);
  Require(same.ok() && Encoded(*same, head->former) == again);
}

void FuzzRecords(std::string_view bytes) {
  if (const auto bucket = store::DecodeBucket(bytes)) {
    const std::string again = store::EncodeBucket(*bucket);
    const auto same = store::DecodeBucket(again);
    Require(same.ok() && store::EncodeBucket(*same) == again);
  }
  if (const auto duplicate = store::DecodeDuplicate(bytes)) {
    Require(store::EncodeDuplicate(*duplicate) == bytes);
  }
  if (const auto leaving = store::DecodeLeaving(bytes)) {
    Require(IsWithin(leaving->name, bytes));
  }
  if (const auto life = store::DecodeLife(bytes)) {
    Require(store::DecodeLife(store::EncodeLife(*life)).has_value());
  }
  if (const auto number = store::DecodeNumber(bytes)) {
    Require(store::EncodeNumber(*number) == bytes);
  }
}

// The tag in front of a key is its reader's affair: it scans the keys of one tag.
std::string_view WithoutTag(std::string_view key) {
  return key.substr(1);
}

void FuzzKeys(std::string_view bytes) {
  if (const auto stream = store::ParseStreamKey(bytes)) {
    const std::string again = store::StreamKey(stream->id, stream->revision);
    Require(WithoutTag(again) == WithoutTag(bytes));
  }
  if (const auto duplicate = store::ParseDuplicateKey(bytes)) {
    const std::string again =
        store::DuplicateKey(duplicate->id, duplicate->time, duplicate->message_id);
    Require(WithoutTag(again) == WithoutTag(bytes));
  }
  static_cast<void>(store::ParseIdKey(bytes));
}

// Writes down again what it is told.
class Copier final : public store::ChangeVisitor {
 public:
  void Put(std::string_view key, std::string_view value) override { copy_.Put(key, value); }
  void SingleDelete(std::string_view key) override { copy_.SingleDelete(key); }
  void Delete(std::string_view key) override { copy_.Delete(key); }
  void DeleteRange(std::string_view from, std::string_view to) override {
    copy_.DeleteRange(from, to);
  }
  const store::ChangeSet& copy() const { return copy_; }

 private:
  store::ChangeSet copy_;
};

void FuzzChanges(std::string_view bytes) {
  Copier first;
  if (store::VisitChanges(bytes, first).ok()) {
    Copier second;
    Require(store::VisitChanges(first.copy().bytes(), second).ok());
    Require(second.copy().bytes() == first.copy().bytes());
  }
}

void FuzzSegment(std::string_view bytes) {
  const auto segment = store::Segment::Map(TheScratch().Write("segment", bytes));
  if (!segment || !*segment) {
    return;
  }
  static_cast<void>((*segment)->durable());
  std::size_t offset = store::Segment::kHeaderBytes;
  store::Sequence expected = (*segment)->first();
  while (const auto record = (*segment)->Read(offset, expected)) {
    Require(offset <= (*segment)->bytes() && record->sequence == expected);
    ++expected;
  }
}

void FuzzManifest(std::string_view bytes) {
  TheScratch().Write("MANIFEST-000001", bytes);
  TheScratch().Write("CURRENT", "MANIFEST-000001\n");
  static_cast<void>(store::LookAtManifest(TheScratch().path()));
}

void FuzzSnapshot(std::string_view bytes) {
  const FixedClock clock;
  auto snapshot = plugin::BrokerSnapshot::Over(bytes, clock);
  if (!snapshot || !*snapshot) {
    return;
  }
  while ((*snapshot)->Step(7, "kv/", [bytes](const plugin::RetainedMessage& message) {
    Require(IsWithin(message.topic, bytes) && IsWithin(message.payload, bytes));
    Require(!message.payload.empty() && message.topic.substr(0, 3) == "kv/");
  })) {}
}

void FuzzConfiguration(std::string_view bytes) {
  const std::string path = TheScratch().Write("mosquitto.conf", bytes);
  static_cast<void>(plugin::FindBrokerSnapshot({"mosquitto", "-c", path}));
}

}  // namespace
}  // namespace kv

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (*data) {
    case 'e': kv::FuzzEntry(bytes); break;
    case 'r': kv::FuzzRecords(bytes); break;
    case 'k': kv::FuzzKeys(bytes); break;
    case 'c': kv::FuzzChanges(bytes); break;
    case 'j': kv::FuzzSegment(bytes); break;
    case 'm': kv::FuzzManifest(bytes); break;
    case 's': kv::FuzzSnapshot(bytes); break;
    case 'f': kv::FuzzConfiguration(bytes); break;
    default: break;
  }
  return 0;
}
