#include "store/journal.h"

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <system_error>

#include "store/directory.h"
#include "store/segment.h"

namespace kv::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".journal";
constexpr std::string_view kSyncedSuffix = ".synced";  // see synced_log.h
// Spare segments: at rest, and while very much is written.
constexpr std::size_t kFewestSpares = 1;
constexpr std::size_t kMostSpares = 16;
// As many as the group holds that the committer writes meanwhile, and as many again.
constexpr int kMadeAtOnce = 4;

std::vector<std::string> SegmentFiles(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(directory, error)) {
    const fs::path suffix = item.path().extension();
    if (suffix == kSuffix || suffix == kSyncedSuffix) {
      paths.push_back(item.path().string());
    }
  }
  return paths;
}

// In the order in which they follow each other. What the synced log has is in the journal, too, or
// was before a power cut.
Result<std::vector<std::shared_ptr<Segment>>> MapSegments(const std::string& directory) {
  std::vector<std::shared_ptr<Segment>> segments;
  for (const auto& path : SegmentFiles(directory)) {
    auto segment = Segment::Map(path);
    if (!segment) {
      return std::move(segment).error();  // never passed over: what it holds was acknowledged
    }
    if (*segment) {
      segments.push_back(std::move(*segment));
    }
  }
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return a->first() < b->first();
  });
  return segments;
}

// The records behind `after`, which is moved.
Status Replay(const Segment& segment,
              Sequence& after,
              const std::function<Status(const JournalRecord&)>& replay) {
  std::size_t offset = Segment::kHeaderBytes;
  Sequence expected = segment.first();
  while (const auto record = segment.Read(offset, expected)) {
    if (record->sequence > after) {
      if (auto replayed = replay(*record); !replayed) {
        return replayed;
      }
      after = record->sequence;
    }
    ++expected;
  }
  return Ok{};
}

}  // namespace

Result<Recovered> Journal::Recover(const std::string& directory,
                                   Sequence after,
                                   const std::function<Status(const JournalRecord&)>& replay) {
  auto segments = MapSegments(directory);
  if (!segments) {
    return std::move(segments).error();
  }
  Recovered recovered;
  for (const auto& segment : *segments) {
    recovered.durable = std::max(recovered.durable, segment->durable());
  }
  for (const auto& segment : *segments) {
    if (segment->first() > after + 1) {
      recovered.is_whole = false;  // what came between is lost, and what follows may build on it
      return recovered;
    }
    if (auto replayed = Replay(*segment, after, replay); !replayed) {
      return std::move(replayed).error();
    }
  }
  return recovered;
}

Result<std::unique_ptr<Journal>> Journal::Create(JournalOptions options, Sequence first) {
  std::error_code error;
  if (fs::create_directories(options.directory, error)) {
    fs::permissions(options.directory, fs::perms::owner_all, error);
  }
  for (const auto& path : SegmentFiles(options.directory)) {
    fs::remove(path, error);
    if (error) {
      return Error(ErrorCode::kStorageError,
                   "journal: cannot remove " + path + ": " + error.message());
    }
  }
  std::unique_ptr<Journal> journal(new Journal(std::move(options), first));
  if (auto rolled = journal->Roll(0); !rolled) {
    return std::move(rolled).error();
  }
  // Or a power cut could bring back the removed ones, whose records are no longer what was.
  if (!SyncDirectory(journal->options_.directory)) {
    return Error(ErrorCode::kStorageError,
                 "journal: cannot flush the directory " + journal->options_.directory);
  }
  journal->reading_ = {journal->tail_, Segment::kHeaderBytes, first};
  journal->syncing_ = journal->reading_;
  return journal;
}

Journal::Journal(JournalOptions options, Sequence first)
    : options_(std::move(options)), next_sequence_(first) {}

Journal::~Journal() = default;

Result<std::shared_ptr<Segment>> Journal::TakeSegment(std::size_t payload_bytes) {
  const std::size_t needed =
      Segment::kHeaderBytes + Segment::kRecordHeaderBytes + payload_bytes + 8;
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    if (needed <= options_.segment_bytes && !spares_.empty()) {
      auto spare = spares_.back();
      spares_.pop_back();
      return spare;
    }
    path = options_.directory + "/" + std::to_string(next_file_++) + std::string(kSuffix);
  }
  return Segment::Create(path, std::max(needed, options_.segment_bytes));
}

Status Journal::Roll(std::size_t record_bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (live_bytes_ + record_bytes > options_.max_bytes && live_.size() > 1) {
      return Error(ErrorCode::kUnavailable, "the journal is full: the disk does not keep up");
    }
  }
  auto segment = TakeSegment(record_bytes);
  if (!segment) {
    return std::move(segment).error();
  }
  (*segment)->Start(next_number_++, next_sequence_);
  const std::shared_ptr<Segment> full = tail_;
  tail_ = *segment;
  {
    const std::lock_guard lock(mutex_);
    live_.push_back(tail_);
    live_bytes_ += tail_->bytes();
  }
  if (full) {
    full->Close();  // only now: the reader follows as soon as it sees this
  }
  return Ok{};
}

Result<JournalRecord> Journal::Append(std::string_view bytes) {
  if (!tail_->HasRoom(bytes.size())) {
    if (auto rolled = Roll(bytes.size()); !rolled) {
      return std::move(rolled).error();
    }
    Reap();
  }
  return tail_->Append(next_sequence_++, bytes);
}

void Journal::Reap() {
  const std::lock_guard lock(mutex_);
  for (auto& segment : retired_) {
    const bool fits = segment->bytes() == options_.segment_bytes;
    auto& to = fits && spares_.size() < kMostSpares ? spares_ : discarded_;
    to.push_back(std::move(segment));
  }
  retired_.clear();
}

std::optional<JournalRecord> Journal::Next() {
  return Next(reading_);
}

std::optional<JournalRecord> Journal::NextToSync() {
  return Next(syncing_);
}

std::optional<JournalRecord> Journal::Next(Cursor& cursor) const {
  for (;;) {
    if (cursor.segment->IsWritten(cursor.at)) {
      const JournalRecord record = cursor.segment->Take(cursor.at);
      assert(record.sequence == cursor.next);  // the producer published it whole
      ++cursor.next;
      return record;
    }
    // Closed is looked at before a second look at what is written: nothing follows a close.
    if (!cursor.segment->closed()) {
      return std::nullopt;
    }
    if (cursor.segment->IsWritten(cursor.at)) {
      continue;
    }
    const std::lock_guard lock(mutex_);
    const auto here = std::find(live_.begin(), live_.end(), cursor.segment);
    cursor.segment = *(here + 1);  // a closed segment has a successor
    cursor.at = Segment::kHeaderBytes;
  }
}

bool Journal::Rewind(Sequence sequence) {
  {
    const std::lock_guard lock(mutex_);
    auto found = std::find_if(live_.rbegin(), live_.rend(), [sequence](const auto& segment) {
      return segment->first() <= sequence;
    });
    if (found == live_.rend()) {
      return false;
    }
    reading_ = {*found, Segment::kHeaderBytes, (*found)->first()};
  }
  while (reading_.next < sequence && Next()) {}
  return true;
}

void Journal::Release(Sequence sequence) {
  if (syncing_.next <= sequence && reading_.next == sequence + 1) {
    syncing_ = reading_;
  }
  while (syncing_.next <= sequence && NextToSync()) {}
  const std::lock_guard lock(mutex_);
  while (live_.size() > 1 && live_.front() != reading_.segment &&
         live_.front() != syncing_.segment && live_[1]->first() <= sequence + 1) {
    live_.front()->Forget();
    live_bytes_ -= live_.front()->bytes();
    retired_.push_back(std::move(live_.front()));
    live_.pop_front();
  }
}

void Journal::NoteDurable(Sequence sequence) {
  const std::lock_guard lock(mutex_);
  live_.back()->NoteDurable(sequence);
}

std::size_t Journal::BytesBehind(const Cursor& cursor) const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = cursor.segment->written() - cursor.at;
  for (auto segment = live_.rbegin(); *segment != cursor.segment; ++segment) {
    bytes += (*segment)->written() - Segment::kHeaderBytes;
  }
  return bytes;
}

bool Journal::IsFilling() const {
  const std::lock_guard lock(mutex_);
  return live_.size() > 1 && live_bytes_ > options_.max_bytes / 2;
}

// Under the mutex.
std::size_t Journal::SparesWanted() const {
  return std::clamp(live_.size() / 2, kFewestSpares, kMostSpares);
}

void Journal::TendSegments() {
  std::vector<std::shared_ptr<Segment>> discarded;
  {
    const std::lock_guard lock(mutex_);
    discarded.swap(discarded_);
    while (spares_.size() > SparesWanted() + 1) {  // one more comes and goes all the time
      discarded.push_back(std::move(spares_.back()));
      spares_.pop_back();
    }
  }
  for (const auto& segment : discarded) {
    segment->RemoveFile();
  }
  for (int made = 0; made < kMadeAtOnce && AddSpare(); ++made) {}
}

// False if there are enough, or none can be made: then the producer makes its own, and reports
// what is wrong.
bool Journal::AddSpare() {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    if (spares_.size() >= SparesWanted()) {
      return false;
    }
    path = options_.directory + "/" + std::to_string(next_file_++) + std::string(kSuffix);
  }
  auto spare = Segment::Create(path, options_.segment_bytes);
  if (spare) {
    const std::lock_guard lock(mutex_);
    spares_.push_back(std::move(*spare));
  }
  return spare.ok();
}

}  // namespace kv::store
