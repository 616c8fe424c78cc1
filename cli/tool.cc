#include "cli/tool.h"

#include <cerrno>
#include <utility>

#include <CLI/CLI.hpp>

namespace kv::cli {

Result<Client> Tool::Connect(std::function<void(const ConnectionEvent&)> on_connection) const {
  auto options = ClientOptionsOf(connection);
  if (!options) {
    return std::move(options).error();
  }
  options->on_connection = std::move(on_connection);
  return Client::Connect(*options);
}

void OnChosen(CLI::App& verb, Tool& tool, Action action) {
  verb.callback([&tool, action = std::move(action)] { tool.action = action; });
}

Result<ExitCode> Printed(bool printed) {
  if (printed) {
    return ExitCode::kOk;
  }
  // Who reads no more, as head(1) does, wants to hear nothing about it.
  return errno == EPIPE ? Result(ExitCode::kUsage)
                        : Error(ErrorCode::kBadRequest, "the output cannot be written");
}

}  // namespace kv::cli
