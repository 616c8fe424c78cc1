// The command line: which options and verbs there are, and what of them was given.
#pragma once

#include <string>
#include <vector>

#include "cli/tool.h"

namespace CLI {
class App;
}

namespace kv::cli {

// `tool` has to outlive `app`.
void BuildCommandLine(CLI::App& app, Tool& tool);

// Fills the tool with the options of the file of defaults, before the command line is parsed.
// Errors: bad-request, naming file and line, or the option.
Status TakeDefaults(Tool& tool);

// Fills the tool. Errors: bad-request. Asked for help or the version, prints it: then there is no
// action.
Status Parse(CLI::App& app, std::vector<std::string> words);

}  // namespace kv::cli
