#include "wire/mirrored.h"

#include <array>
#include <utility>

#include "kv/units.h"
#include "wire/names.h"
#include "wire/time_text.h"

namespace kv::wire {
namespace {

constexpr std::size_t kMaxPathBytes = 512;  // some thirty brokers

// The only value of that name; nothing if there is none or more than one.
std::optional<std::string_view> OnlyOf(const Incoming& incoming, std::string_view name) {
  std::optional<std::string_view> only;
  for (const auto& option : incoming.options) {
    if (option.name == name) {
      if (only) {
        return std::nullopt;
      }
      only = option.value;
    }
  }
  return only;
}

// Is every property one that a change carries?
bool IsChange(const Incoming& incoming) {
  for (const auto& option : incoming.options) {
    if (option.name != kOp && option.name != kRevision && option.name != kTime &&
        option.name != kReason && option.name != kClient && option.name != kUsername &&
        option.name != kOrigin) {
      return false;
    }
  }
  return !incoming.response_topic && !incoming.correlation_data;
}

std::optional<Mark> ParseMark(std::string_view revision, std::string_view time) {
  const auto number = ParseUnsigned(revision);
  return number && ParseTime(time) ? std::optional(Mark{*number, time}) : std::nullopt;
}

// Up to the next space, which goes with it.
std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

}  // namespace

std::optional<Mirrored> ParseMirrored(const Incoming& incoming) {
  if (incoming.options.empty()) {
    return std::nullopt;  // nearly always
  }
  const auto revision = OnlyOf(incoming, kRevision);
  const auto time = OnlyOf(incoming, kTime);
  const auto name = OnlyOf(incoming, kOp);
  if (!revision || !time || !name || !IsChange(incoming)) {
    return std::nullopt;
  }
  const auto operation = OperationNamed(*name);
  const auto mark = ParseMark(*revision, *time);
  if (!operation || !mark) {
    return std::nullopt;
  }
  Mirrored mirrored{.operation = *operation, .mark = *mark, .origin = *mark};
  if (auto text = OnlyOf(incoming, kOrigin)) {
    const std::string_view origin_revision = TakeWord(*text);
    const auto origin = ParseMark(origin_revision, TakeWord(*text));
    if (!origin) {
      return std::nullopt;
    }
    mirrored.has_come_far = true;
    mirrored.origin = *origin;
    mirrored.path = *text;
  }
  return mirrored;
}

bool HasBeenAt(const Mirrored& mirrored, std::string_view broker) {
  std::string_view rest = mirrored.path;
  while (!rest.empty()) {
    if (TakeWord(rest) == broker) {
      return true;
    }
  }
  return mirrored.path.size() > kMaxPathBytes;
}

std::string OriginOf(const Mirrored& mirrored, std::string_view broker) {
  std::string text = std::to_string(mirrored.origin.revision);
  text.append(" ").append(mirrored.origin.time).append(" ");
  text.append(mirrored.path).append(mirrored.path.empty() ? "" : " ").append(broker);
  return text;
}

}  // namespace kv::wire
