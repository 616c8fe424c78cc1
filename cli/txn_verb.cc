// txn.
#include <memory>
#include <string>

#include "cli/files.h"
#include "cli/tool.h"
#include "cli/verbs.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct TxnArguments {
  std::string bucket;
  std::string file = "-";
};

bool PrintOutcome(const Output& output, const TxnOutcome& outcome) {
  if (output.json) {
    Json results = Json::array();
    for (const auto& write : outcome.writes) {
      results.push_back({{"key", write.key}, {"revision", write.revision}});
    }
    Json object{{"succeeded", outcome.succeeded}, {"results", std::move(results)}};
    if (outcome.duplicate) {
      object["duplicate"] = true;
    }
    return output.Print(object);
  }
  std::vector<Row> rows;
  for (const auto& write : outcome.writes) {
    rows.push_back(
        {{Escape(write.key), Colour::kBold}, {std::to_string(write.revision), Colour::kCyan}});
  }
  return output.Table({"KEY", "REVISION"}, rows);
}

Result<ExitCode> RunTxn(const Tool& tool, const TxnArguments& arguments) {
  const auto json = ReadAll(arguments.file);
  if (!json) {
    return json.error();
  }
  const auto client = tool.Connect();
  if (!client) {
    return client.error();
  }
  const auto outcome = client->bucket(arguments.bucket).CommitJson(*json);
  if (!outcome) {
    return outcome.error();
  }
  if (!PrintOutcome(tool.output, *outcome)) {
    return Printed(false);
  }
  if (!outcome->succeeded) {
    tool.output.Note("the conditions did not hold");
  }
  return outcome->succeeded ? ExitCode::kOk : ExitCode::kConflict;
}

}  // namespace

void AddTxnVerb(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<TxnArguments>();
  CLI::App* const verb = app.add_subcommand("txn", "Several writes, all or nothing");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("FILE",
                   arguments->file,
                   "JSON: {\"if\": […], \"then\": […], \"else\": […]}; - or none: standard input");
  OnChosen(*verb, tool, [&tool, arguments] { return RunTxn(tool, *arguments); });
}

}  // namespace kv::cli
