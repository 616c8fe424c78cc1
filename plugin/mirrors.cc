#include "plugin/mirrors.h"

#include <random>

#include "store/text_hash.h"
#include "wire/time_text.h"

namespace kv::plugin {
namespace {

std::string RandomName() {
  std::random_device random;
  std::string name;
  for (int i = 0; i < 16; ++i) {
    name += "0123456789abcdef"[random() % 16];
  }
  return name;
}

// The key's newest entry; nothing if there is none, or it cannot be read now.
std::optional<Entry> NewestOf(const store::Bucket* bucket, std::string_view key) {
  const store::KeyState* state = bucket != nullptr ? bucket->index().Find(key) : nullptr;
  if (state == nullptr) {
    return std::nullopt;
  }
  auto entry = bucket->ReadEntry(state->newest().revision);
  return entry ? std::optional(std::move(*entry)) : std::nullopt;
}

}  // namespace

Mirrors::Mirrors() : broker_(RandomName()), sent_(std::make_unique<Sets>()) {}

void Mirrors::Sent(std::string_view bucket, Revision revision, TimePoint time) {
  const std::uint64_t hash = store::HashOf(bucket);
  const std::size_t set = (hash + revision) % kSets;
  std::uint8_t& next = sent_->next[set];
  sent_->places[next][set] = {hash, revision, time};
  next = (next + 1) % kPlaces;
}

std::optional<TimePoint> Mirrors::TimeOf(std::string_view bucket, Revision revision) const {
  const std::uint64_t hash = store::HashOf(bucket);
  const std::size_t set = (hash + revision) % kSets;
  for (const auto& place : sent_->places) {
    const Change& change = place[set];
    if (change.bucket == hash && change.revision == revision) {
      return change.time;
    }
  }
  return std::nullopt;
}

bool Mirrors::IsOwn(const wire::Mark& mark, std::string_view bucket, const Entry* newest) const {
  const auto time = newest != nullptr && newest->revision == mark.revision
                        ? std::optional(newest->time)
                        : TimeOf(bucket, mark.revision);
  return time && wire::FormatTime(*time) == mark.time;
}

Mirrors::Verdict Mirrors::Judge(const wire::Mirrored& mirrored,
                                const store::Bucket* bucket,
                                std::string_view key,
                                const wire::Incoming& incoming) const {
  if (wire::HasBeenAt(mirrored, broker_)) {
    return Verdict::kKnown;
  }
  if (bucket == nullptr) {
    return Verdict::kNews;
  }
  const auto newest = NewestOf(bucket, key);
  if (IsOwn(mirrored.origin, bucket->name(), newest ? &*newest : nullptr)) {
    return mirrored.has_come_far ? Verdict::kKnown : Verdict::kOrdinary;
  }
  // As bridges bring all retained messages whenever they connect.
  const bool says_the_same =
      newest && newest->operation == mirrored.operation && newest->value == incoming.payload &&
      newest->properties == incoming.own && mirrored.mark.time <= wire::FormatTime(newest->time);
  return says_the_same ? Verdict::kKnown : Verdict::kNews;
}

}  // namespace kv::plugin
