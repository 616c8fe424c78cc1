// The verbs, one function for each family: it adds them to the command line. `tool` has to outlive
// that.
#pragma once

namespace CLI {
class App;
}

namespace kv::cli {

struct Tool;

void AddWriteVerbs(CLI::App& app, Tool& tool);   // put create update del purge incr
void AddReadVerbs(CLI::App& app, Tool& tool);    // get keys ls history info
void AddWatchVerb(CLI::App& app, Tool& tool);    // watch
void AddTxnVerb(CLI::App& app, Tool& tool);      // txn
void AddBucketVerbs(CLI::App& app, Tool& tool);  // bucket …, checkpoint
void AddExportVerb(CLI::App& app, Tool& tool);   // export
void AddImportVerb(CLI::App& app, Tool& tool);   // import
void AddBenchVerb(CLI::App& app, Tool& tool);    // bench

}  // namespace kv::cli
