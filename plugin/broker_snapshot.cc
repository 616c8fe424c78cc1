#include "plugin/broker_snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace kv::plugin {
namespace {

constexpr std::int64_t kLongestExpiry = std::numeric_limits<std::uint32_t>::max();  // seconds

// The broker drops a message that expired before it loaded the file, and one that would expire
// later than MQTT can say; one that expires in that very second it keeps.
bool IsDroppedByBroker(std::int64_t expiry_time, std::int64_t loaded_at) {
  return expiry_time > 0 && (expiry_time < loaded_at || expiry_time > loaded_at + kLongestExpiry);
}

Error StorageError(std::string sentence) {
  return Error(ErrorCode::kStorageError, std::move(sentence));
}

Error CannotRead(const std::string& path, const std::string& reason) {
  return StorageError("cannot read the broker's retained messages from " + path + ": " + reason);
}

Error LastSystemError() {
  return StorageError(std::generic_category().message(errno));
}

}  // namespace

void BrokerSnapshot::Unmapper::operator()(void* address) const {
  munmap(address, size);
}

Result<BrokerSnapshot::Mapping> BrokerSnapshot::Map(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    return LastSystemError();
  }
  if (!S_ISREG(status.st_mode)) {
    return StorageError("it is not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {
    return Mapping();
  }
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (address == MAP_FAILED) {
    return LastSystemError();
  }
  return Mapping(address, Unmapper{size});
}

Result<std::optional<BrokerSnapshot>> BrokerSnapshot::Open(const std::string& path,
                                                           const Clock& clock) {
  // Non-blocking, as opening a pipe waits for its writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) {
    return std::optional<BrokerSnapshot>();
  }
  if (descriptor < 0) {
    return CannotRead(path, LastSystemError().message);
  }
  auto mapping = Map(descriptor);
  close(descriptor);
  if (!mapping) {
    return CannotRead(path, mapping.error().message);
  }
  const std::string_view contents(static_cast<const char*>(mapping->get()),
                                  mapping->get_deleter().size);
  auto snapshot = Over(contents, clock);
  if (!snapshot) {
    return CannotRead(path, snapshot.error().message);
  }
  if (snapshot->has_value()) {
    (*snapshot)->mapping_ = std::move(*mapping);
  }
  return snapshot;
}

Result<std::optional<BrokerSnapshot>> BrokerSnapshot::Over(std::string_view contents,
                                                           const Clock& clock) {
  if (contents.empty()) {
    return std::optional<BrokerSnapshot>();
  }
  if (auto good = CheckFileHeader(contents); !good) {
    return std::move(good).error();
  }
  return std::optional(BrokerSnapshot(contents, clock.Now()));
}

BrokerSnapshot::BrokerSnapshot(std::string_view contents, TimePoint loaded_at)
    : contents_(contents), loaded_at_(loaded_at / kSecond), offset_(kFirstChunkOffset) {}

bool BrokerSnapshot::Step(std::size_t max_chunks,
                          std::string_view topic_prefix,
                          const Visitor& visit) {
  for (; max_chunks > 0 && pass_ != Pass::kDone; --max_chunks) {
    StepOne(topic_prefix, visit);
  }
  return pass_ != Pass::kDone;
}

bool BrokerSnapshot::StepMarks(std::size_t max_chunks) {
  for (; max_chunks > 0 && pass_ == Pass::kRetainMarks; --max_chunks) {
    StepOne({}, nullptr);
  }
  return pass_ == Pass::kRetainMarks;
}

void BrokerSnapshot::StepOne(std::string_view topic_prefix, const Visitor& visit) {
  const auto chunk = ParseChunk(contents_.substr(offset_));
  const bool good = chunk && (pass_ == Pass::kRetainMarks
                                  ? CollectMark(*chunk)
                                  : VisitMessage(*chunk, topic_prefix, visit));
  if (good) {
    offset_ += chunk->size;
  } else {
    damaged_ = true;
    contents_ = contents_.substr(0, offset_);  // the second pass ends here, too
  }
  if (offset_ == contents_.size() || (pass_ == Pass::kMessages && retained_.empty())) {
    EndPass();
  }
}

// Checks the messages it passes by as well, so that damage is known before the first visit.
bool BrokerSnapshot::CollectMark(const Chunk& chunk) {
  if (chunk.type == kMessageChunk) {
    return ParseMessage(chunk.body).has_value();
  }
  if (chunk.type != kRetainChunk) {
    return true;
  }
  const auto store_id = ParseRetainMark(chunk.body);
  if (store_id) {
    retained_.Insert(*store_id);
  }
  return store_id.has_value();
}

bool BrokerSnapshot::VisitMessage(const Chunk& chunk,
                                  std::string_view topic_prefix,
                                  const Visitor& visit) {
  if (chunk.type != kMessageChunk) {
    return true;
  }
  const auto message = ParseMessage(chunk.body);
  if (message && retained_.Erase(message->store_id) &&
      message->topic.starts_with(topic_prefix) && !message->payload.empty() &&
      !IsDroppedByBroker(message->expiry_time, loaded_at_)) {
    visit({message->topic, message->payload, RevisionOf(message->properties)});
  }
  return message.has_value();
}

void BrokerSnapshot::EndPass() {
  const bool more = pass_ == Pass::kRetainMarks && !retained_.empty();
  pass_ = more ? Pass::kMessages : Pass::kDone;
  offset_ = kFirstChunkOffset;
  if (!more) {
    retained_.Clear();
  }
}

}  // namespace kv::plugin
