#include "wire/change_properties.h"

#include <cstdint>

#include "wire/names.h"
#include "wire/time_text.h"

namespace kv::wire {
namespace {

// The places of what every change has.
constexpr std::size_t kOpAt = 0;
constexpr std::size_t kRevisionAt = 1;
constexpr std::size_t kTimeAt = 2;
constexpr std::size_t kAlways = 3;

UserProperty PropertyOf(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

// Nearly all of a bucket's changes follow one another: most differ from their former by a digit.
void CountUp(std::string& digits) {
  std::size_t at = digits.size();
  while (at > 0 && digits[at - 1] == '9') {
    digits[--at] = '0';
  }
  if (at > 0) {
    ++digits[at - 1];
  } else {
    digits.insert(0, 1, '1');
  }
}

}  // namespace

ChangeProperties::ChangeProperties()
    : properties_{PropertyOf(kOp, NameOf(operation_)),
                  PropertyOf(kRevision, std::to_string(revision_)),
                  PropertyOf(kTime, FormatTime(second_))} {}

const std::vector<UserProperty>& ChangeProperties::Of(const ChangeNotice& change) {
  SetOperation(change.operation);
  SetRevision(change.revision);
  SetTime(change.time);
  if (properties_.size() > kAlways || change.reason != Reason::kNone || change.author != nullptr ||
      !change.origin.empty()) {
    properties_.resize(kAlways);
    AddRest(change);
  }
  return properties_;
}

void ChangeProperties::SetOperation(Operation operation) {
  if (operation != operation_) {
    properties_[kOpAt].value = NameOf(operation);
    operation_ = operation;
  }
}

void ChangeProperties::SetRevision(Revision revision) {
  std::string& text = properties_[kRevisionAt].value;
  if (revision == revision_ + 1 && revision != 0) {
    CountUp(text);
  } else {
    text = std::to_string(revision);
  }
  revision_ = revision;
}

void ChangeProperties::SetTime(TimePoint time) {
  std::string& text = properties_[kTimeAt].value;
  // Unsigned: it may be any time.
  const auto since = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(second_);
  if (since < kSecond) {
    SetFraction(text, static_cast<Nanoseconds>(since));
    return;
  }
  text = FormatTime(time);
  const Nanoseconds fraction = (time % kSecond + kSecond) % kSecond;
  second_ = static_cast<TimePoint>(static_cast<std::uint64_t>(time) -
                                   static_cast<std::uint64_t>(fraction));
}

void ChangeProperties::AddRest(const ChangeNotice& change) {
  if (change.reason != Reason::kNone) {
    properties_.push_back(PropertyOf(kReason, NameOf(change.reason)));
  }
  if (change.author != nullptr) {
    properties_.push_back(PropertyOf(kClient, change.author->client));
    if (!change.author->username.empty()) {
      properties_.push_back(PropertyOf(kUsername, change.author->username));
    }
  }
  if (!change.origin.empty()) {
    properties_.push_back(PropertyOf(kOrigin, change.origin));
  }
}

}  // namespace kv::wire
