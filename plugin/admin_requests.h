// AdminRequests: the requests that concern a bucket as a whole, or all of them. The broker's
// thread only. Source: protocol.md, "Request plane" and "Buckets".
#pragma once

#include "plugin/answer.h"
#include "plugin/backups.h"
#include "plugin/jobs.h"
#include "plugin/publisher.h"
#include "wire/topics.h"

namespace kv::plugin {

class AdminRequests {
 public:
  AdminRequests(store::Store& store,
                const wire::Topics& topics,
                Publisher& publisher,
                Jobs& jobs,
                Backups& backups)
      : store_(store), topics_(topics), publisher_(publisher), jobs_(jobs), backups_(backups) {}

  // purge of a bucket, admin/create, update, delete and purge-deletes, and checkpoint.
  Answered Handle(const Call& call);

 private:
  Answered Create(const Call& call);
  Answered Update(const Call& call);
  Answered Delete(const Call& call);
  Answered PurgeDeletes(const Call& call);
  Answered Purge(const Call& call);
  Status ReadConfig(const Call& call, BucketConfig& config) const;

  store::Store& store_;
  const wire::Topics& topics_;
  Publisher& publisher_;
  Jobs& jobs_;
  Backups& backups_;
};

}  // namespace kv::plugin
