// Writer: brings writes into the store and their changes to the subscribers, wherever the writes
// came from. The broker's thread only.
#pragma once

#include <optional>
#include <span>

#include "kv/clock.h"
#include "plugin/counters.h"
#include "plugin/ephemerals.h"
#include "plugin/publisher.h"
#include "plugin/replier.h"
#include "store/store.h"
#include "wire/incoming.h"
#include "wire/write_options.h"

namespace kv::plugin {

struct Outcome {
  store::Bucket* bucket = nullptr;  // nullptr: there is none, and nothing to do
  store::Written written;
  store::RevisionList revisions;  // one for each write, 0: nothing to do. Empty for a duplicate
  std::optional<Author> author;   // in a bucket with audit
};

// What the options of a write say of it. Views of both.
store::Write WriteOf(const wire::WriteOptions& options, const wire::Incoming& incoming);

class Writer {
 public:
  Writer(store::Store& store, Publisher& publisher, Ephemerals& ephemerals, Counters& counters)
      : store_(store), publisher_(publisher), ephemerals_(ephemerals), counters_(counters) {}

  // All of them or none, in the bucket of this name, which is made if need be.
  // Errors: as Store::FindForWrite and Bucket::ApplyAll.
  Result<Outcome> Write(const Client& client,
                        BucketName name,
                        std::span<store::KeyedWrite> writes,
                        const store::Identity& identity,
                        TimePoint now);

  // Publishes anew what Write did. `origin`: kv-origin, of what another broker brought.
  void Publish(const Outcome& outcome,
               std::span<const store::KeyedWrite> writes,
               std::string_view origin = {});

 private:
  // What Write does in the outcome's bucket.
  Status Apply(Outcome& outcome,
               const Client& client,
               std::span<store::KeyedWrite> writes,
               const store::Identity& identity,
               TimePoint now);
  void NoteEphemerals(const Outcome& outcome,
                      const Client& client,
                      std::span<const store::KeyedWrite> writes,
                      std::string_view message_id);
  void ClearWhatWasDropped(const Outcome& outcome, std::span<const store::KeyedWrite> writes);

  store::Store& store_;
  Publisher& publisher_;
  Ephemerals& ephemerals_;
  Counters& counters_;
};

}  // namespace kv::plugin
