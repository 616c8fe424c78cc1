#include "client/client_core.h"

#include <future>
#include <utility>

namespace kv {

ClientCore::ClientCore(const ClientOptions& options) : session_(network_, options) {}

Status ClientCore::Start() {
  std::promise<Status> promise;
  auto started = promise.get_future();
  const auto on_connection = [this](const ConnectionEvent& event) {
    connected_ = event.connected;
    if (const auto& handler = options().on_connection) {
      RunCallback([&handler, event] { handler(event); });
    }
  };
  const bool posted = Post([this, &promise, on_connection] {
    session_.Start([&promise](Status status) { promise.set_value(std::move(status)); },
                   on_connection);
  });
  return posted ? started.get() : Error(ErrorCode::kCancelled);
}

void ClientCore::Close() {
  std::promise<void> closed;
  const bool posted = Post([this, &closed] {
    session_.Close();
    closed.set_value();
  });
  if (posted) {
    closed.get_future().wait();  // before Post() fails: see there
  }
  network_.Stop();
  callbacks_.Stop();
  connected_ = false;
}

void ClientCore::RunCallback(const client::EventLoop::Task& task) {
  if (!callbacks_.Post(task)) {
    task();
  }
}

}  // namespace kv
