#include "client/change_order.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kv::client {

void ChangeOrder::StartFrom(Revision settled) {
  settled_ = settled;
  newest_.clear();
  std::erase_if(waiting_, [settled](const auto& one) { return one.first <= settled; });
}

bool ChangeOrder::IsNews(const Entry& entry) const {
  const auto newest = newest_.find(entry.key);
  return entry.revision > settled_ && (newest == newest_.end() || entry.revision > newest->second);
}

void ChangeOrder::Deliver(Entry entry, Entries& out) {
  if (!IsNews(entry)) {
    return;
  }
  newest_[entry.key] = entry.revision;
  out.push_back(std::move(entry));
}

void ChangeOrder::Release(Revision through, Entries& out) {
  while (!waiting_.empty() && waiting_.begin()->first <= through) {
    Deliver(std::move(waiting_.extract(waiting_.begin()).mapped()), out);
  }
}

void ChangeOrder::ReleaseWithoutHole(Entries& out) {
  while (!waiting_.empty() && waiting_.begin()->first <= settled_ + 1) {
    Entry next = std::move(waiting_.extract(waiting_.begin()).mapped());
    const Revision revision = next.revision;
    if (revision > settled_) {
      out.push_back(std::move(next));
      settled_ = revision;
    }
  }
}

ChangeOrder::Entries ChangeOrder::Live(Entry change) {
  Entries out;
  if (!IsNews(change)) {
    return out;
  }
  if (catching_up_ || sees_all_) {
    const Revision revision = change.revision;
    waiting_.emplace(revision, std::move(change));
    if (!catching_up_) {
      ReleaseWithoutHole(out);
    }
  } else {
    Deliver(std::move(change), out);
  }
  return out;
}

void ChangeOrder::BeginCatchUp() {
  catching_up_ = true;
  missed_some_ = false;
}

ChangeOrder::Entries ChangeOrder::Page(Entries entries) {
  Entries out;
  if (entries.empty()) {
    return out;
  }
  const Revision through = entries.back().revision;
  for (Entry& entry : entries) {
    const Revision revision = entry.revision;
    const bool is_new = IsNews(entry) && waiting_.emplace(revision, std::move(entry)).second;
    missed_some_ = missed_some_ || is_new;
  }
  Release(through, out);
  settled_ = std::max(settled_, through);
  return out;
}

ChangeOrder::Entries ChangeOrder::Through(Revision through) {
  Entries out;
  Release(through, out);
  settled_ = std::max(settled_, through);
  std::erase_if(newest_, [this](const auto& one) { return one.second <= settled_; });
  return out;
}

ChangeOrder::Entries ChangeOrder::EndCatchUp(Revision through) {
  Entries out = Through(through);
  catching_up_ = false;
  if (sees_all_) {
    ReleaseWithoutHole(out);
  } else {
    Release(std::numeric_limits<Revision>::max(), out);
  }
  return out;
}

}  // namespace kv::client
