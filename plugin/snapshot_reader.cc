#include "plugin/snapshot_reader.h"

#include "kv/own_files.h"

namespace kv::plugin {
namespace {

constexpr std::size_t kChunksAtOnce = 256;  // far less than a millisecond

}  // namespace

SnapshotReader::SnapshotReader(const std::string& path) : thread_([this, path] { Read(path); }) {}

SnapshotReader::~SnapshotReader() {
  Stop();
}

void SnapshotReader::Stop() {
  enough_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) {
    thread_.join();
  }
}

Result<std::optional<BrokerSnapshot>> SnapshotReader::Take() {
  Stop();
  return std::move(snapshot_);
}

void SnapshotReader::Read(const std::string& path) {
  TakeOwnFiles();
  snapshot_ = BrokerSnapshot::Open(path);
  if (snapshot_ && *snapshot_) {
    while (!enough_.load(std::memory_order_relaxed) && (*snapshot_)->StepMarks(kChunksAtOnce)) {}
  }
}

}  // namespace kv::plugin
