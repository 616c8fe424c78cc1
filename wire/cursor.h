// Cursors: where the next page of a reply begins, and of what. Opaque to clients, stateless for
// the broker. A cursor of another bucket, verb, prefix or filter is not accepted; one that was
// made up can do no more than a request without a cursor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kv::wire {

// Everything that the pages of one reply have in common.
std::string EncodeCursor(const std::vector<std::string_view>& scope, std::string_view position);
// Nothing if it is not a cursor of this scope.
std::optional<std::string> DecodeCursor(const std::vector<std::string_view>& scope,
                                        std::string_view cursor);

}  // namespace kv::wire
