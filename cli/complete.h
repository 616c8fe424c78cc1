// What may come next on the command line, for the completion scripts of the shells: so that what
// they offer is what the program understands.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace kv::cli {

struct Tool;

// The name of the hidden verb: `mosquitto_kv __complete WORD…`, where the last word is the one that
// is being typed, and may be empty.
inline constexpr const char* kCompleteVerb = "__complete";

// Of the words those that say how to get to the broker.
std::vector<std::string> ConnectionWords(const CLI::App& app,
                                         const std::vector<std::string>& words);

// One candidate a line: the word, a tab, and what it is. Verbs, options, and the names of buckets,
// which the broker is asked for; it has two seconds to answer.
void PrintCandidates(const CLI::App& app, Tool& tool, const std::vector<std::string>& words);

}  // namespace kv::cli
