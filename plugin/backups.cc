#include "plugin/backups.h"

#include <algorithm>

#include "wire/reply.h"
#include "wire/time_text.h"

namespace kv::plugin {
namespace {

// A name that sorts like its time, and that every file system takes.
std::string NameOf(TimePoint now) {
  std::string time = wire::FormatTime(now);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  return "checkpoint-" + time;
}

}  // namespace

Backups::Backups(store::Store& store,
                 Replier& replier,
                 BrokerPort& port,
                 std::optional<std::string> path,
                 std::function<void()> wake)
    : store_(store),
      replier_(replier),
      port_(port),
      path_(std::move(path)),
      wake_(std::move(wake)) {}

Status Backups::Begin(TimePoint now, std::optional<ReplyAddress> address) {
  if (!path_) {
    return Error(ErrorCode::kNotSupported,
                 "plugin_opt_backup_path is not set: accepted is a directory for the copies");
  }
  if (running_) {
    return Error(ErrorCode::kUnavailable, "a checkpoint is being written, try again");
  }
  if (auto writable = store_.CheckWritable(); !writable) {
    return writable;
  }
  running_ = true;
  name_ = NameOf(now);
  address_ = std::move(address);
  store_.Checkpoint(*path_ + "/" + name_, [shared = shared_, wake = wake_](const Status& status) {
    {
      const std::lock_guard lock(shared->mutex);
      shared->result = status;
    }
    wake();
  });
  return Ok{};
}

void Backups::Flush() {
  if (!running_) {
    return;
  }
  std::optional<Status> result;
  {
    const std::lock_guard lock(shared_->mutex);
    result.swap(shared_->result);
  }
  if (!result) {
    return;
  }
  running_ = false;
  if (*result) {
    port_.Log(LogLevel::kNotice, "checkpoint " + name_ + " written");
  } else {
    port_.Log(LogLevel::kError, result->error().message);
  }
  if (address_) {
    replier_.Send(*address_, *result ? wire::ValueReply(name_) : wire::ErrorReply(result->error()));
  }
}

}  // namespace kv::plugin
