// Jobs: work of any size that requests have asked for, done in slices so that the broker goes on
// serving meanwhile. The broker's thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/clock.h"
#include "plugin/publisher.h"
#include "plugin/replier.h"
#include "store/store.h"

namespace kv::plugin {

class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  // Some of the work, for well below a millisecond, and without waiting for the disk.
  virtual Result<store::Progress> Step(TimePoint now) = 0;
  // Once all is done.
  virtual wire::Reply DoneReply() const = 0;
};

class Jobs {
 public:
  static constexpr std::size_t kMax = 100;

  Jobs(store::Store& store, Replier& replier) : store_(store), replier_(replier) {}

  // Errors: unavailable, when kMax are waiting.
  Status CheckRoom() const;
  // `address`: who gets the reply. Errors: as CheckRoom.
  Status Add(std::unique_ptr<Job> job, std::optional<ReplyAddress> address);
  bool empty() const { return waiting_.empty(); }
  store::Progress Run(TimePoint now, Nanoseconds budget);

 private:
  struct Waiting {
    std::unique_ptr<Job> job;
    std::optional<ReplyAddress> address;
  };

  store::Store& store_;
  Replier& replier_;
  std::deque<Waiting> waiting_;
};

// Work on one bucket, which may be deleted meanwhile, and made anew.
class BucketJob : public Job {
 protected:
  BucketJob(store::Store& store, const store::Bucket& bucket)
      : store_(store), bucket_(bucket.name()), id_(bucket.id()) {}
  // The bucket that the job began with, not one that has its name now. Errors: bucket-not-found.
  Result<store::Bucket*> Find() const;
  const std::string& name() const { return bucket_; }

 private:
  store::Store& store_;
  const std::string bucket_;
  const store::BucketId id_;
};

// Purges every key of a bucket that it had when the job was asked for. One whose message id is
// known by the time its turn comes does nothing, and has the first one's result.
class PurgeJob final : public BucketJob {
 public:
  PurgeJob(store::Store& store,
           Publisher& publisher,
           const store::Bucket& bucket,
           const std::optional<Author>& author,
           std::string message_id);
  Result<store::Progress> Step(TimePoint now) override;
  wire::Reply DoneReply() const override;
  // What the request gets when it comes again.
  static wire::Reply DuplicateReply(const store::Written& first);

 private:
  Publisher& publisher_;
  const Revision end_;
  const std::optional<Author> author_;
  const std::string message_id_;
  Revision next_ = 0;
  std::uint64_t count_ = 0;
  std::optional<store::Written> first_;  // of another job with this message id

  std::vector<std::string> NextKeys(const store::Bucket& bucket);
};

// Finishes what a change of a bucket's configuration has begun; answers with the bucket's info.
class TrimJob final : public BucketJob {
 public:
  TrimJob(store::Store& store, const store::Bucket& bucket) : BucketJob(store, bucket) {}
  Result<store::Progress> Step(TimePoint now) override;
  wire::Reply DoneReply() const override;

 private:
  std::string info_;
};

// Forgets the keys whose newest entry is an old marker.
class ForgetMarkersJob final : public BucketJob {
 public:
  ForgetMarkersJob(store::Store& store, const store::Bucket& bucket, TimePoint before);
  Result<store::Progress> Step(TimePoint now) override;
  wire::Reply DoneReply() const override;

 private:
  const Revision end_;
  const TimePoint before_;
  Revision next_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace kv::plugin
