// Does a command print what the page shows?
#pragma once

#include <string>
#include <string_view>

namespace kv::testing {

// `output` with a fixed word for what differs from run to run: times, names of checkpoints, client
// ids that the broker made up, readings of metrics. Empty lines at its end are dropped.
std::string Normalized(std::string_view output);

// Both are normalized first. In `shown` `…` stands for any text within its line, and alone on a
// line for any lines.
bool Matches(std::string_view shown, std::string_view printed);

}  // namespace kv::testing
