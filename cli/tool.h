// Tool: what all verbs share. The command line is read first; then the one verb that it names runs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cli/connection_options.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "kv/result.h"
#include "mosquitto_kv/client.h"

namespace CLI {
class App;
}

namespace kv::cli {

// What a verb does; an Error is printed, and is the exit code.
using Action = std::function<Result<ExitCode>()>;

struct Tool {
  ConnectionOptions connection;
  Output output;
  bool verbose = false;
  std::string colour = "auto";  // always, never
  Action action;                // of the verb that was named

  // `on_connection`: see ClientOptions.
  Result<Client> Connect(std::function<void(const ConnectionEvent&)> on_connection = {}) const;
};

// Sets what the tool does when this verb is named.
void OnChosen(CLI::App& verb, Tool& tool, Action action);

// How the verb's exit code reads when nobody takes the output any more.
Result<ExitCode> Printed(bool printed);

}  // namespace kv::cli
