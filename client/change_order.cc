#include "client/change_order.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kv::client {

void ChangeOrder::StartFrom(Revision settled) {
  Settle(settled);
  std::erase_if(waiting_, [settled](const auto& one) { return one.first <= settled; });
}

void ChangeOrder::StartAnew() {
  settled_ = 0;
  newest_ = 0;
  unsettled_.clear();
  waiting_.clear();
}

void ChangeOrder::Settle(Revision through) {
  settled_ = std::max(settled_, through);
  newest_ = std::max(newest_, settled_);
}

bool ChangeOrder::IsNews(const Entry& entry) const {
  const auto newest = unsettled_.find(entry.key);
  return entry.revision > settled_ &&
         (newest == unsettled_.end() || entry.revision > newest->second);
}

void ChangeOrder::Deliver(Entry entry, Entries& out) {
  if (!IsNews(entry)) {
    return;
  }
  unsettled_[entry.key] = entry.revision;
  newest_ = std::max(newest_, entry.revision);
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
      Settle(revision);
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
  Settle(through);
  return out;
}

ChangeOrder::Entries ChangeOrder::Through(Revision through) {
  Entries out;
  Release(through, out);
  Settle(through);
  std::erase_if(unsettled_, [this](const auto& one) { return one.second <= settled_; });
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
