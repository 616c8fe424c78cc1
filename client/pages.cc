#include "client/pages.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "wire/bucket_json.h"
#include "wire/read_options.h"

namespace kv::client {
namespace {

constexpr std::size_t kKeysAPage = 500;

template <typename T>
void MoveAll(std::vector<T>& from, std::vector<T>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

void Append(EntryPage& page, EntryPage& all) {
  MoveAll(page.entries, all.entries);
  all.compacted = all.compacted || page.compacted;
}

void Append(KeyPage& page, KeyPage& all) {
  MoveAll(page.keys, all.keys);
}

// Calls `read(cursor, then)` for page after page.
template <typename Page>
class Collector : public std::enable_shared_from_this<Collector<Page>> {
 public:
  using Read = std::function<void(const std::string& cursor, Callback<Page>)>;

  Collector(Read read, Callback<Page> done) : read_(std::move(read)), done_(std::move(done)) {}

  void Next(const std::string& cursor) {
    read_(cursor, [self = this->shared_from_this()](Result<Page> page) {
      if (!page) {
        self->done_(std::move(page));
        return;
      }
      Append(*page, self->all_);
      if (page->cursor.empty()) {
        self->done_(std::move(self->all_));
      } else {
        self->Next(page->cursor);
      }
    });
  }

 private:
  const Read read_;
  const Callback<Page> done_;
  Page all_;
};

template <typename Page>
void Collect(typename Collector<Page>::Read read, Callback<Page> done) {
  std::make_shared<Collector<Page>>(std::move(read), std::move(done))->Next({});
}

// $KV/buckets has pages, too.
struct BucketsPage {
  std::vector<BucketInfo> buckets;
  std::string cursor;
};

void Append(BucketsPage& page, BucketsPage& all) {
  MoveAll(page.buckets, all.buckets);
}

Result<BucketsPage> ToBucketsPage(const Reply& reply) {
  auto infos = wire::ReadInfosJson(reply.last.payload);
  if (!infos) {
    return std::move(infos).error();
  }
  return BucketsPage{std::move(*infos), CursorOf(reply)};
}

}  // namespace

void ReadEntryPage(Session& session,
                   const Reading& reading,
                   const PageRequest& page,
                   const Callback<EntryPage>& done) {
  // What is out of bounds is for the request to refuse.
  const std::size_t limit =
      page.limit > wire::kMaxLimit ? page.limit : std::min(page.limit, session.most_entries());
  const auto then = [&session, reading, page, limit, done](Result<std::optional<EntryPage>> read) {
    if (!read) {
      done(std::move(read).error());
    } else if (*read) {
      done(std::move(**read));
    } else if (limit > 1) {
      session.LowerMostEntries(limit / 2);
      ReadEntryPage(session, reading, page, done);
    } else {
      done(Error(ErrorCode::kUnavailable,
                 "the broker's queue for this client (max_queued_messages) is full"));
    }
  };
  Ask<std::optional<EntryPage>>(
      session,
      ReadRequest(reading.target, reading.verb, reading.selection, {page.cursor, limit}),
      ToEntryPage,
      then);
}

void ReadKeyPage(Session& session,
                 const Reading& reading,
                 const PageRequest& page,
                 Callback<KeyPage> done) {
  Ask<KeyPage>(session,
               ReadRequest(reading.target, reading.verb, reading.selection, page),
               ToKeyPage,
               std::move(done));
}

void ReadAllEntries(Session& session, const Reading& reading, Callback<EntryPage> done) {
  Collect<EntryPage>(
      [&session, reading](const std::string& cursor, const Callback<EntryPage>& then) {
        ReadEntryPage(session, reading, {cursor, Session::kMostEntries}, then);
      },
      std::move(done));
}

void ReadAllKeys(Session& session, const Reading& reading, Callback<KeyPage> done) {
  Collect<KeyPage>(
      [&session, reading](const std::string& cursor, Callback<KeyPage> then) {
        ReadKeyPage(session, reading, {cursor, kKeysAPage}, std::move(then));
      },
      std::move(done));
}

void ReadAllBuckets(Session& session,
                    std::chrono::milliseconds timeout,
                    Callback<std::vector<BucketInfo>> done) {
  Collect<BucketsPage>(
      [&session, timeout](const std::string& cursor, Callback<BucketsPage> then) {
        Ask<BucketsPage>(session, BucketsRequest(timeout, cursor), ToBucketsPage, std::move(then));
      },
      [done = std::move(done)](Result<BucketsPage> all) {
        done(all ? Result(std::move(all->buckets)) : std::move(all).error());
      });
}

}  // namespace kv::client
