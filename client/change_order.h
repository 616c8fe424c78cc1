// ChangeOrder: makes one stream in revision order, without a gap and without a duplicate, of what a
// watch gets: live changes, which may overtake each other (QoS 0) or be dropped (a full queue), and
// pages of the history, which are read to catch up.
//
// Knows neither threads nor time nor the network.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "kv/entry.h"

namespace kv::client {

class ChangeOrder {
 public:
  using Entries = std::vector<Entry>;

  // `sees_all`: of the whole bucket, so that a revision that is missing can be noticed.
  explicit ChangeOrder(bool sees_all) : sees_all_(sees_all) {}

  // Everything up to this revision is through, be it delivered or never to be.
  Revision settled() const { return settled_; }
  // The highest that was delivered, or is settled.
  Revision newest() const { return newest_; }
  // The revisions begin here.
  void StartFrom(Revision settled);
  // The store was put back: what its former revisions were counts no more, nor does what waits.
  void StartAnew();

  // A live change; what can be delivered now, in this order.
  Entries Live(Entry change);

  // Live changes wait until EndCatchUp().
  void BeginCatchUp();
  // What of `entries` (in revision order, without a gap from the page before to its own last
  // revision) and of the waiting changes can be delivered.
  Entries Page(Entries entries);
  // Everything up to `through` has been read; live changes still wait.
  Entries Through(Revision through);
  // The same, and live changes wait no more.
  Entries EndCatchUp(Revision through);

  // A change waits for one that was before it.
  bool has_hole() const { return !catching_up_ && !waiting_.empty(); }
  // So many changes are through beyond settled() that it is time to catch up.
  bool is_overdue() const { return unsettled_.size() > kMostUnsettled; }
  // The last catch-up brought a change that had not come live.
  bool missed_some() const { return missed_some_; }

 private:
  static constexpr std::size_t kMostUnsettled = 4096;

  // Neither delivered before nor older than what was delivered of its key.
  bool IsNews(const Entry& entry) const;
  void Deliver(Entry entry, Entries& out);
  void Settle(Revision through);
  // Those that wait, up to this revision.
  void Release(Revision through, Entries& out);
  void ReleaseWithoutHole(Entries& out);

  const bool sees_all_;
  bool catching_up_ = false;
  bool missed_some_ = false;
  Revision settled_ = 0;
  std::map<Revision, Entry> waiting_;
  Revision newest_ = 0;
  std::map<std::string, Revision> unsettled_;  // delivered beyond settled_, the newest by key
};

}  // namespace kv::client
