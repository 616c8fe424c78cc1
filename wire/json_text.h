// JSON that a client sent: what it is read by.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "kv/result.h"

namespace kv::wire {

// A discarded value for what is no JSON; no recursion, whatever the depth. Errors: bad-request,
// when an object has a member twice: which of the two is meant nobody can tell.
template <typename Json>
Result<Json> ParseJson(std::string_view text) {
  using Event = nlohmann::detail::parse_event_t;
  std::vector<std::set<std::string>> objects;  // the members of those that are open
  std::optional<std::string> twice;
  auto json = Json::parse(
      text,
      [&](int /*depth*/, Event event, Json& parsed) {
        switch (event) {
          case Event::object_start: objects.emplace_back(); break;
          case Event::object_end: objects.pop_back(); break;
          case Event::key:
            if (!objects.back().insert(parsed.template get<std::string>()).second && !twice) {
              twice = parsed.template get<std::string>();
            }
            break;
          default: break;
        }
        return true;
      },
      /*allow_exceptions=*/false);
  if (twice && !json.is_discarded()) {
    constexpr std::size_t quotable = 40;  // never cut: half a character is no UTF-8
    const std::string member = twice->size() <= quotable ? "the member " + *twice : "a member";
    return Error(ErrorCode::kBadRequest,
                 "the JSON has " + member + " twice in one object: accepted is once");
  }
  return json;
}

}  // namespace kv::wire
