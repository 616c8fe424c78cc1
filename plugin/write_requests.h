// WriteRequests: the requests that write keys. The broker's thread only.
// Source: protocol.md, "Request plane".
#pragma once

#include "plugin/answer.h"
#include "plugin/writer.h"
#include "wire/txn.h"
#include "wire/write_options.h"

namespace kv::plugin {

class WriteRequests {
 public:
  WriteRequests(store::Store& store, Writer& writer) : store_(store), writer_(writer) {}

  // put, create, update, delete and purge of a key, increment and txn.
  Answered Handle(const Call& call);

 private:
  Answered WriteOne(const Call& call, wire::WriteVerb verb);
  Answered Increment(const Call& call);
  Answered Transact(const Call& call);

  // The whole number that the key holds; 0 if it has no value. Errors: bad-request, storage-error.
  Result<std::int64_t> NumberOf(const store::Bucket* bucket, Key key) const;
  bool Holds(const store::Bucket* bucket, const wire::TxnCondition& condition) const;
  Result<Outcome> Run(const Call& call,
                      BucketName name,
                      bool succeeded,
                      const std::vector<wire::TxnOperation>& operations,
                      const std::string& message_id);

  store::Store& store_;
  Writer& writer_;
};

}  // namespace kv::plugin
