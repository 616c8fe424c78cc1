#include "mosquitto_kv/bucket.h"

#include <utility>

#include "client/calls.h"
#include "client/pages.h"
#include "client/replies.h"
#include "client/requests.h"

namespace kv {
namespace {

using client::Asking;
using client::Reading;
using client::Session;

}  // namespace

AsyncBucket::AsyncBucket(std::shared_ptr<ClientCore> core, std::string name)
    : core_(std::move(core)), name_(std::move(name)), timeout_(core_->options().request_timeout) {}

Call<Entry> AsyncBucket::Get(std::string_view key) const {
  return Asking(*core_, client::GetRequest({name_, timeout_}, key), client::ToEntry);
}

Call<Entry> AsyncBucket::GetRevision(std::string_view key, Revision revision) const {
  return Asking(
      *core_, client::GetRevisionRequest({name_, timeout_}, key, revision), client::ToEntry);
}

Call<Written> AsyncBucket::Put(std::string_view key,
                               std::string_view value,
                               const PutSettings& settings) const {
  return Asking(*core_,
                client::PutRequest({name_, timeout_}, "put", key, value, settings),
                client::ToWritten);
}

Call<Written> AsyncBucket::Create(std::string_view key,
                                  std::string_view value,
                                  const PutSettings& settings) const {
  return Asking(*core_,
                client::PutRequest({name_, timeout_}, "create", key, value, settings),
                client::ToWritten);
}

Call<Written> AsyncBucket::Update(std::string_view key,
                                  std::string_view value,
                                  Revision expected,
                                  const PutSettings& settings) const {
  return Asking(
      *core_,
      client::PutRequest({name_, timeout_}, client::UpdateVerb(expected), key, value, settings),
      client::ToWritten);
}

Call<Written> AsyncBucket::Delete(std::string_view key, const WriteSettings& settings) const {
  return Asking(
      *core_, client::MarkRequest({name_, timeout_}, "delete", key, settings), client::ToWritten);
}

Call<Written> AsyncBucket::Purge(std::string_view key, const WriteSettings& settings) const {
  return Asking(
      *core_, client::MarkRequest({name_, timeout_}, "purge", key, settings), client::ToWritten);
}

Call<Counted> AsyncBucket::Increment(std::string_view key,
                                     std::int64_t delta,
                                     const WriteSettings& settings) const {
  return Asking(
      *core_, client::IncrementRequest({name_, timeout_}, key, delta, settings), client::ToCounted);
}

Call<TxnOutcome> AsyncBucket::Commit(const Txn& txn) const {
  return Asking(*core_, client::TxnRequest({name_, timeout_}, txn), client::ToTxnOutcome);
}

Call<TxnOutcome> AsyncBucket::CommitJson(std::string_view json) const {
  return Asking(*core_, client::TxnJsonRequest({name_, timeout_}, json), client::ToTxnOutcome);
}

Call<KeyPage> AsyncBucket::Keys(const Selection& selection) const {
  return core_->MakeCall<KeyPage>(
      [reading = Reading{{name_, timeout_}, "keys", selection}](Session& session, auto done) {
        client::ReadAllKeys(session, reading, std::move(done));
      });
}

Call<EntryPage> AsyncBucket::Entries(const Selection& selection) const {
  return core_->MakeCall<EntryPage>(
      [reading = Reading{{name_, timeout_}, "entries", selection}](Session& session, auto done) {
        client::ReadAllEntries(session, reading, std::move(done));
      });
}

Call<EntryPage> AsyncBucket::History(const Selection& selection) const {
  return core_->MakeCall<EntryPage>(
      [reading = Reading{{name_, timeout_}, "history", selection}](Session& session, auto done) {
        client::ReadAllEntries(session, reading, std::move(done));
      });
}

Call<KeyPage> AsyncBucket::KeysPage(const Selection& selection, const PageRequest& page) const {
  return core_->MakeCall<KeyPage>(
      [reading = Reading{{name_, timeout_}, "keys", selection}, page](Session& session, auto done) {
        client::ReadKeyPage(session, reading, page, std::move(done));
      });
}

Call<EntryPage> AsyncBucket::EntriesPage(const Selection& selection,
                                         const PageRequest& page) const {
  return core_->MakeCall<EntryPage>(
      [reading = Reading{{name_, timeout_}, "entries", selection}, page](
          Session& session, auto done) { client::ReadEntryPage(session, reading, page, done); });
}

Call<EntryPage> AsyncBucket::HistoryPage(const Selection& selection,
                                         const PageRequest& page) const {
  return core_->MakeCall<EntryPage>(
      [reading = Reading{{name_, timeout_}, "history", selection}, page](
          Session& session, auto done) { client::ReadEntryPage(session, reading, page, done); });
}

Call<BucketInfo> AsyncBucket::Info() const {
  return Asking(*core_, client::InfoRequest({name_, timeout_}), client::ToInfo);
}

Call<std::uint64_t> AsyncBucket::PurgeAll() const {
  return Asking(*core_, client::PurgeAllRequest({name_, timeout_}), client::ToCount);
}

Call<std::uint64_t> AsyncBucket::PurgeDeletes(Nanoseconds older_than) const {
  return Asking(
      *core_, client::PurgeDeletesRequest({name_, timeout_}, older_than), client::ToCount);
}

Result<Entry> Bucket::Get(std::string_view key) const {
  return async_.Get(key).Wait();
}

Result<Entry> Bucket::GetRevision(std::string_view key, Revision revision) const {
  return async_.GetRevision(key, revision).Wait();
}

Result<Written> Bucket::Put(std::string_view key,
                            std::string_view value,
                            const PutSettings& settings) const {
  return async_.Put(key, value, settings).Wait();
}

Result<Written> Bucket::Create(std::string_view key,
                               std::string_view value,
                               const PutSettings& settings) const {
  return async_.Create(key, value, settings).Wait();
}

Result<Written> Bucket::Update(std::string_view key,
                               std::string_view value,
                               Revision expected,
                               const PutSettings& settings) const {
  return async_.Update(key, value, expected, settings).Wait();
}

Result<Written> Bucket::Delete(std::string_view key, const WriteSettings& settings) const {
  return async_.Delete(key, settings).Wait();
}

Result<Written> Bucket::Purge(std::string_view key, const WriteSettings& settings) const {
  return async_.Purge(key, settings).Wait();
}

Result<Counted> Bucket::Increment(std::string_view key,
                                  std::int64_t delta,
                                  const WriteSettings& settings) const {
  return async_.Increment(key, delta, settings).Wait();
}

Result<TxnOutcome> Bucket::Commit(const Txn& txn) const {
  return async_.Commit(txn).Wait();
}

Result<TxnOutcome> Bucket::CommitJson(std::string_view json) const {
  return async_.CommitJson(json).Wait();
}

Result<KeyPage> Bucket::Keys(const Selection& selection) const {
  return async_.Keys(selection).Wait();
}

Result<EntryPage> Bucket::Entries(const Selection& selection) const {
  return async_.Entries(selection).Wait();
}

Result<EntryPage> Bucket::History(const Selection& selection) const {
  return async_.History(selection).Wait();
}

Result<KeyPage> Bucket::KeysPage(const Selection& selection, const PageRequest& page) const {
  return async_.KeysPage(selection, page).Wait();
}

Result<EntryPage> Bucket::EntriesPage(const Selection& selection, const PageRequest& page) const {
  return async_.EntriesPage(selection, page).Wait();
}

Result<EntryPage> Bucket::HistoryPage(const Selection& selection, const PageRequest& page) const {
  return async_.HistoryPage(selection, page).Wait();
}

Result<BucketInfo> Bucket::Info() const {
  return async_.Info().Wait();
}

Result<std::uint64_t> Bucket::PurgeAll() const {
  return async_.PurgeAll().Wait();
}

Result<std::uint64_t> Bucket::PurgeDeletes(Nanoseconds older_than) const {
  return async_.PurgeDeletes(older_than).Wait();
}

Bucket Bucket::WithTimeout(std::chrono::milliseconds timeout) const {
  Bucket bucket = *this;
  bucket.async_.timeout_ = timeout;
  return bucket;
}

}  // namespace kv
