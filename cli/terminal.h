// What is special about a terminal: its width, its colours, and that text on it has no control
// characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv::cli {

bool IsTerminal(int file_descriptor);
// Columns of the terminal on standard output; 80 if that is none.
std::size_t TerminalWidth();

enum class Colour : std::uint8_t {
  kPlain,
  kBold,
  kDim,
  kRed,
  kGreen,
  kYellow,
  kCyan,
};
// `text` between the escape sequences of the colour.
std::string Paint(std::string_view text, Colour colour);

// One line of printable UTF-8: control characters and bytes that are none as \n, \t, \xHH, the
// backslash doubled.
std::string Escape(std::string_view bytes);

// Code points, each of which a terminal shows in one column, by and large.
std::size_t DisplayWidth(std::string_view text);
// At most so many code points, the last one an ellipsis if something was cut off.
std::string Shorten(std::string_view text, std::size_t width);

}  // namespace kv::cli
