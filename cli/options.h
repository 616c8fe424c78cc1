// Options that several verbs have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kv/result.h"
#include "mosquitto_kv/types.h"

namespace CLI {
class App;
}

namespace kv::cli {

// Where a value comes from: the argument, -m, a file, standard input, or nowhere (an empty value).
struct ValueOptions {
  std::optional<std::string> argument;
  std::optional<std::string> message;
  std::string file;
  bool from_stdin = false;
  bool empty = false;
};
void AddValueOptions(CLI::App& verb, ValueOptions& options);
// Nothing given at all is standard input. Errors: bad-request.
Result<std::string> ReadValue(const ValueOptions& options);

// How to write it.
struct WriteOptions {
  std::optional<Revision> expected;
  std::string message_id;
};
void AddWriteOptions(CLI::App& verb, WriteOptions& options);
WriteSettings SettingsOf(const WriteOptions& options);

struct PutOptions : WriteOptions {
  std::string ttl;
  bool ephemeral = false;
  std::string content_type;
  std::vector<std::string> properties;  // name=value
};
void AddPutOptions(CLI::App& verb, PutOptions& options);
// Errors: bad-request, naming the option.
Result<PutSettings> SettingsOf(const PutOptions& options);

// A key with wildcards as what the requests take.
Selection SelectionOf(const std::string& filter);

// A duration of the contract, with the option's name for the error. "0" where `zero` is allowed.
Result<Nanoseconds> DurationOf(const std::string& option, const std::string& text, bool zero);

}  // namespace kv::cli
