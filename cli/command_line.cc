#include "cli/command_line.h"

#include <algorithm>
#include <iostream>

#include "cli/defaults_file.h"
#include "cli/verbs.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

void AddOutputOptions(CLI::App& app, Tool& tool) {
  const std::string group = "Output";
  app.add_flag("--json", tool.output.json, "results, and errors, as JSON, one object a line")
      ->group(group);
  app.add_flag("-v,--verbose", tool.verbose, "of get: also what stands with the value")
      ->group(group);
  app.add_flag("--quiet", tool.output.quiet, "nothing on standard error")->group(group);
  app.add_option(
         "--color", tool.colour, "auto (on a terminal, unless NO_COLOR is set), always, never")
      ->group(group)
      ->take_last()
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""));
}

std::string ExitCodesText() {
  std::string text = "Exit codes:\n";
  for (const auto& [code, meaning] : kExitCodes) {
    text += "  " + std::to_string(static_cast<int>(code)) + "  " + std::string(meaning) + "\n";
  }
  return text;
}

std::string VerbNames(const CLI::App& app) {
  std::string names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.append(names.empty() ? "" : ", ").append(verb->get_name());
  }
  return names;
}

// The verb that was named last: of `bucket add` it is `add`.
const CLI::App& NamedVerb(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? app : NamedVerb(*named.front());
}

Error UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = NamedVerb(app);
  const std::string verbs = VerbNames(verb);
  const auto others = app.remaining(/*recurse=*/true);
  std::string text = error.what();
  if (!verbs.empty() && (others.empty() || others.front().front() != '-') &&
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    text = others.empty() ? "a verb is missing" : "there is no verb " + others.front();
    text += ": accepted is one of " + verbs;
  }
  return Error(ErrorCode::kBadRequest, text + "; see mosquitto_kv --help");
}

// The file as words of a command line.
Result<std::vector<std::string>> DefaultWords(const CLI::App& app) {
  const auto path = DefaultsPath();
  const auto defaults = ReadDefaults(path);
  if (!defaults) {
    return defaults.error();
  }
  std::vector<std::string> words;
  for (const auto& [line, name, value] : *defaults) {
    const auto* const option = app.get_option_no_throw(name);
    const bool takes_value = option != nullptr && option->get_items_expected_min() > 0;
    if (option == nullptr || takes_value == value.empty()) {
      return Error(ErrorCode::kBadRequest,
                   path.string() + ":" + std::to_string(line) + ": " + name +
                       (option == nullptr ? ": there is no such option that all verbs have"
                        : takes_value     ? ": the option needs a value"
                                          : ": the option takes no value"));
    }
    words.push_back(name);
    if (takes_value) {
      words.push_back(value);
    }
  }
  return words;
}

}  // namespace

void BuildCommandLine(CLI::App& app, Tool& tool) {
  app.name("mosquitto_kv");
  app.description("Durable key/value buckets of a Mosquitto broker with the plugin mosquitto_kv");
  app.set_help_flag("--help", "this help; of a verb: its own");
  app.set_help_all_flag("--help-all", "the help of all verbs");
  app.set_version_flag("--version", "mosquitto_kv " KV_VERSION, "the version");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Options may stand before or behind the verb. Defaults: one option a line in\n"
      "$XDG_CONFIG_HOME/mosquitto_kv or ~/.config/mosquitto_kv.\n\n" +
      ExitCodesText());
  AddConnectionOptions(app, tool.connection);
  AddOutputOptions(app, tool);
  AddWriteVerbs(app, tool);
  AddReadVerbs(app, tool);
  AddWatchVerb(app, tool);
  AddTxnVerb(app, tool);
  AddBucketVerbs(app, tool);
  AddExportVerb(app, tool);
  AddImportVerb(app, tool);
  AddBenchVerb(app, tool);
}

Status TakeDefaults(Tool& tool) {
  CLI::App app;
  app.set_help_flag();  // its -h is the host
  AddConnectionOptions(app, tool.connection);
  AddOutputOptions(app, tool);
  auto words = DefaultWords(app);
  if (!words) {
    return std::move(words).error();
  }
  auto parsed = Parse(app, std::move(*words));
  TurnIntoDefaults(tool.connection);
  return parsed;
}

Status Parse(CLI::App& app, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // as the library wants it
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& success) {
    app.exit(success);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  return Ok{};
}

}  // namespace kv::cli
