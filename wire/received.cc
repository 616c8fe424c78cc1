#include "wire/received.h"

#include <algorithm>
#include <array>

#include "kv/units.h"
#include "wire/incoming.h"
#include "wire/names.h"
#include "wire/time_text.h"

namespace kv::wire {
namespace {

constexpr std::array kReasons{Reason::kExpired, Reason::kBucketDeleted, Reason::kDisconnected};

// The member of `all` whose name this is.
template <typename Named, std::size_t N>
std::optional<Named> Find(const std::array<Named, N>& all, std::string_view name) {
  const auto* found =
      std::find_if(all.begin(), all.end(), [name](Named one) { return NameOf(one) == name; });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

Error Bad(std::string_view property) {
  return Error(ErrorCode::kBadReply,
               "the property " + std::string(property) + " is missing or not of its form");
}

std::optional<Author> ReadAuthor(const std::vector<UserProperty>& properties) {
  const auto client = FindProperty(properties, kClient);
  if (!client) {
    return std::nullopt;
  }
  return Author{std::string(*client),
                std::string(FindProperty(properties, kUsername).value_or(""))};
}

}  // namespace

std::optional<std::string_view> FindProperty(const std::vector<UserProperty>& properties,
                                             std::string_view name) {
  const auto found = std::find_if(
      properties.begin(), properties.end(), [name](const auto& one) { return one.name == name; });
  return found == properties.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

std::optional<std::uint64_t> FindNumber(const std::vector<UserProperty>& properties,
                                        std::string_view name) {
  const auto text = FindProperty(properties, name);
  return text ? ParseUnsigned(*text) : std::nullopt;
}

std::optional<Error> ReadError(const std::vector<UserProperty>& properties) {
  const auto status = FindProperty(properties, kStatus);
  if (status == kStatusOk || status == kStatusEntry || status == kStatusEnd) {
    return std::nullopt;
  }
  const auto* const found = std::find_if(
      kErrorTable.begin(), kErrorTable.end(), [&](const auto& row) { return status == row.token; });
  if (found == kErrorTable.end()) {
    return Bad(kStatus);
  }
  Error error(found->code);
  if (const auto sentence = FindProperty(properties, kError)) {
    error.message = *sentence;
  }
  error.revision = FindNumber(properties, kRevision);
  return error;
}

Result<Entry> ReadEntry(Properties all, std::string payload) {
  const auto operation = OperationNamed(FindProperty(all.user, kOp).value_or(""));
  const auto revision = FindNumber(all.user, kRevision);
  const auto time = ParseTime(FindProperty(all.user, kTime).value_or(""));
  if (!operation || !revision || !time) {
    return Bad(!operation ? kOp : !revision ? kRevision : kTime);
  }
  Entry entry{
      .key = std::string(FindProperty(all.user, kKey).value_or("")),
      .revision = *revision,
      .operation = *operation,
      .reason =
          Find(kReasons, FindProperty(all.user, kReason).value_or("")).value_or(Reason::kNone),
      .time = *time,
      .author = ReadAuthor(all.user),
      .value = std::move(payload)};
  std::erase_if(all.user, [](const UserProperty& one) { return IsReserved(one.name); });
  entry.properties = std::move(all);
  return entry;
}

}  // namespace kv::wire
