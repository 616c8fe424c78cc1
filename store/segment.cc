#define XXH_INLINE_ALL
#include "store/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "store/prefetch.h"

namespace kv::store {
namespace {

constexpr std::string_view kMagic = "MKVJRNL1";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMostFetchedAhead = 512;  // a longer record fetches the rest by itself

struct Header {
  char magic[8];  // NOLINT(modernize-avoid-c-arrays): the bytes of the file
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t number;
  std::uint64_t first;
  std::uint64_t check;
};
static_assert(sizeof(Header) <= Segment::kHeaderBytes);

// Behind the header. Not in its check: it changes while the segment is in use.
struct DurableNote {
  std::uint64_t sequence;
  std::uint64_t check;
};
static_assert(sizeof(Header) + sizeof(DurableNote) <= Segment::kHeaderBytes);

struct RecordHeader {
  std::uint64_t sequence;
  std::uint32_t length;
  std::uint32_t check;
};
static_assert(sizeof(RecordHeader) == Segment::kRecordHeaderBytes);

std::uint64_t CheckOfHeader(const Header& header) {
  return XXH3_64bits(&header, offsetof(Header, check));
}

std::uint64_t CheckOfNote(std::uint64_t sequence, std::uint64_t number) {
  return XXH3_64bits_withSeed(&sequence, sizeof(sequence), number);
}

Header HeaderOf(std::uint64_t number, Sequence first) {
  Header header{};
  std::memcpy(header.magic, kMagic.data(), sizeof(header.magic));
  header.version = kVersion;
  header.number = number;
  header.first = first;
  header.check = CheckOfHeader(header);
  return header;
}

std::uint32_t CheckOfRecord(std::uint64_t number, Sequence sequence, std::string_view bytes) {
  const std::uint64_t seed =
      number ^ (sequence << 20) ^ (static_cast<std::uint64_t>(bytes.size()) << 1);
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

RecordHeader HeadOf(std::uint64_t number, Sequence sequence, std::string_view bytes) {
  return {
      sequence, static_cast<std::uint32_t>(bytes.size()), CheckOfRecord(number, sequence, bytes)};
}

std::size_t Aligned(std::size_t bytes) {
  return (bytes + 7) & ~std::size_t{7};
}

Error JournalError(const std::string& what, const std::string& path) {
  return Error(
      ErrorCode::kStorageError,
      "journal: cannot " + what + " " + path + ": " + std::generic_category().message(errno));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

char* MapFile(int fd, std::size_t bytes, int extra_flags) {
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | extra_flags, fd, 0);
  return base == MAP_FAILED ? nullptr : static_cast<char*>(base);
}

}  // namespace

std::size_t RecordBytes(std::size_t payload_bytes) {
  return Segment::kRecordHeaderBytes + Aligned(payload_bytes);
}

std::string EncodeSegmentHeader(std::uint64_t number, Sequence first) {
  const Header header = HeaderOf(number, first);
  std::string bytes(Segment::kHeaderBytes, '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

void AppendRecord(std::string& to, std::uint64_t number, const JournalRecord& record) {
  const RecordHeader head = HeadOf(number, record.sequence, record.bytes);
  const std::size_t at = to.size();
  to.resize(at + RecordBytes(record.bytes.size()), '\0');
  std::memcpy(to.data() + at, &head, sizeof(head));
  std::memcpy(to.data() + at + sizeof(head), record.bytes.data(), record.bytes.size());
}

Status ReserveFile(const std::string& path, std::size_t bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return JournalError("create", path);
  }
  if (const int failed = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); failed != 0) {
    errno = failed;
    auto error = JournalError("reserve room for", path);
    ::unlink(path.c_str());
    return error;
  }
  return Ok{};
}

Result<std::shared_ptr<Segment>> Segment::Create(const std::string& path, std::size_t bytes) {
  // Room is reserved now: a store to a page for which the disk has none would be a SIGBUS later.
  if (auto reserved = ReserveFile(path, bytes); !reserved) {
    return std::move(reserved).error();
  }
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  char* base = file.get() < 0 ? nullptr : MapFile(file.get(), bytes, MAP_POPULATE);
  if (base == nullptr) {
    auto error = JournalError("map", path);
    ::unlink(path.c_str());
    return error;
  }
  return std::shared_ptr<Segment>(new Segment(path, base, bytes));
}

Result<std::shared_ptr<Segment>> Segment::Map(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
    return JournalError("open", path);
  }
  const auto bytes = static_cast<std::size_t>(info.st_size);
  if (bytes < kHeaderBytes) {
    return std::shared_ptr<Segment>();
  }
  char* base = MapFile(file.get(), bytes, 0);
  if (base == nullptr) {
    return JournalError("map", path);
  }
  std::shared_ptr<Segment> segment(new Segment(path, base, bytes));
  auto in_use = segment->LoadHeader();
  if (!in_use) {
    return std::move(in_use).error();
  }
  return *in_use ? segment : std::shared_ptr<Segment>();
}

Segment::~Segment() {
  ::munmap(base_, bytes_);
}

Result<bool> Segment::LoadHeader() {
  Header header{};
  std::memcpy(&header, base_, sizeof(header));
  number_ = header.number;
  first_ = header.first;
  const bool ours = std::string_view(header.magic, sizeof(header.magic)) == kMagic &&
                    header.number != 0 && header.check == CheckOfHeader(header);
  if (ours && header.version != kVersion) {
    return Error(ErrorCode::kStorageError, "journal: " + path_ + " was written by a newer version");
  }
  return ours;
}

void Segment::Start(std::uint64_t number, Sequence first) {
  number_ = number;
  first_ = first;
  const Header header = HeaderOf(number, first);
  std::memset(base_ + sizeof(header), 0, sizeof(DurableNote));
  std::memcpy(base_, &header, sizeof(header));
  closed_.store(false, std::memory_order_relaxed);
  written_.store(kHeaderBytes, std::memory_order_release);
}

void Segment::NoteDurable(Sequence sequence) {
  const DurableNote note{sequence, CheckOfNote(sequence, number_)};
  std::memcpy(base_ + sizeof(Header), &note, sizeof(note));
}

Sequence Segment::durable() const {
  DurableNote note{};
  std::memcpy(&note, base_ + sizeof(Header), sizeof(note));
  return note.check == CheckOfNote(note.sequence, number_) ? note.sequence : 0;
}

void Segment::Forget() {
  Header header{};
  std::memcpy(base_, &header, sizeof(header));
}

void Segment::RemoveFile() const {
  ::unlink(path_.c_str());
}

bool Segment::HasRoom(std::size_t payload_bytes) const {
  return written_.load(std::memory_order_relaxed) + RecordBytes(payload_bytes) <= bytes_;
}

JournalRecord Segment::Append(Sequence sequence, std::string_view bytes) {
  const std::size_t offset = written_.load(std::memory_order_relaxed);
  char* at = base_ + offset;
  // Bytes first, then the head that makes them count: a process that dies between the two leaves
  // a record whose check does not fit, and it was not acknowledged.
  std::memcpy(at + kRecordHeaderBytes, bytes.data(), bytes.size());
  const RecordHeader header = HeadOf(number_, sequence, bytes);
  std::memcpy(at, &header, sizeof(header));
  const std::size_t taken = RecordBytes(bytes.size());
  written_.store(offset + taken, std::memory_order_release);
  // The segment is used again after so many others that no cache has it: a record like this one
  // would wait for memory at the next instruction that waits for all writes.
  PrefetchForWriting(at + taken, std::min(taken, kMostFetchedAhead));
  return {sequence, std::string_view(at + kRecordHeaderBytes, bytes.size())};
}

std::optional<JournalRecord> Segment::Read(std::size_t& offset, Sequence expected) const {
  if (bytes_ - offset < kRecordHeaderBytes) {
    return std::nullopt;
  }
  RecordHeader header{};
  std::memcpy(&header, base_ + offset, sizeof(header));
  const std::size_t room = bytes_ - offset - kRecordHeaderBytes;
  if (header.sequence != expected || header.length > room) {
    return std::nullopt;
  }
  const std::string_view bytes(base_ + offset + kRecordHeaderBytes, header.length);
  if (header.check != CheckOfRecord(number_, header.sequence, bytes)) {
    return std::nullopt;
  }
  MoveBehind(offset, header.length);
  return JournalRecord{header.sequence, bytes};
}

JournalRecord Segment::Take(std::size_t& offset) const {
  RecordHeader header{};
  std::memcpy(&header, base_ + offset, sizeof(header));
  const std::string_view bytes(base_ + offset + kRecordHeaderBytes, header.length);
  MoveBehind(offset, header.length);
  return {header.sequence, bytes};
}

void Segment::MoveBehind(std::size_t& offset, std::size_t payload_bytes) const {
  offset = std::min(offset + RecordBytes(payload_bytes), bytes_);
}

}  // namespace kv::store
