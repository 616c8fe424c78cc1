#include "cli/importer.h"

#include <algorithm>
#include <utility>

namespace kv::cli {
namespace {

// Whether the bucket has what the line says; nothing if that is not known.
Result<bool> IsThere(const Entry& wanted, const Result<Entry>& there) {
  if (there) {
    return !wanted.is_marker() && there->value == wanted.value &&
           there->properties == wanted.properties;
  }
  const ErrorCode code = there.error().code;
  if (code == ErrorCode::kKeyNotFound || code == ErrorCode::kBucketNotFound) {
    return wanted.is_marker();
  }
  return there.error();
}

}  // namespace

Status Importer::Take(std::size_t line, Entry entry) {
  // What is there is only known once what this import writes to the key is there.
  while (settings_.compares && IsOnItsWay(entry.key)) {
    if (auto settled = comparing_.empty() ? SettleWrite() : SettleComparison(); !settled) {
      return settled;
    }
  }
  last_ = line;
  if (settings_.compares) {
    ++keys_[entry.key];
    auto there = bucket_.Get(entry.key).Future();
    comparing_.push_back({line, std::move(entry), std::move(there)});
  } else {
    Write(line, entry);
  }
  while (comparing_.size() > settings_.window) {
    if (auto settled = SettleComparison(); !settled) {
      return settled;
    }
  }
  while (writing_.size() > settings_.window) {
    if (auto settled = SettleWrite(); !settled) {
      return settled;
    }
  }
  return Ok{};
}

Status Importer::Finish() {
  while (!failed_ && !comparing_.empty()) {
    if (auto settled = SettleComparison(); !settled) {
      return settled;
    }
  }
  while (!failed_ && !writing_.empty()) {
    if (auto settled = SettleWrite(); !settled) {
      return settled;
    }
  }
  return Ok{};
}

std::size_t Importer::settled() const {
  std::size_t settled = last_;
  if (!comparing_.empty()) {
    settled = std::min(settled, comparing_.front().line - 1);
  }
  if (!writing_.empty()) {
    settled = std::min(settled, writing_.front().line - 1);
  }
  return settled;
}

void Importer::Write(std::size_t line, const Entry& entry) {
  ++keys_[entry.key];
  PutSettings settings;
  settings.message_id = settings_.id + "-" + std::to_string(line);
  settings.properties = entry.properties;
  auto call = entry.operation == Operation::kPut ? bucket_.Put(entry.key, entry.value, settings)
              : entry.operation == Operation::kDelete ? bucket_.Delete(entry.key, settings)
                                                      : bucket_.Purge(entry.key, settings);
  writing_.push_back({line, entry.key, std::move(call).Future()});
}

Status Importer::SettleComparison() {
  Comparing& first = comparing_.front();
  const auto is_there = IsThere(first.entry, first.there.get());
  if (!is_there) {
    return Fail(first.line, is_there.error());
  }
  if (*is_there) {
    ++skipped_;
  } else {
    Write(first.line, first.entry);
  }
  Forget(first.entry.key);
  comparing_.pop_front();
  return Ok{};
}

Status Importer::SettleWrite() {
  Writing& first = writing_.front();
  const auto written = first.done.get();
  if (!written) {
    return Fail(first.line, written.error());
  }
  ++written_;
  Forget(first.key);
  writing_.pop_front();
  return Ok{};
}

Error Importer::Fail(std::size_t line, const Error& error) {
  failed_ = true;
  return Error(error.code, "line " + std::to_string(line) + ": " + error.message);
}

void Importer::Forget(const std::string& key) {
  const auto found = keys_.find(key);
  if (--found->second == 0) {
    keys_.erase(found);
  }
}

}  // namespace kv::cli
