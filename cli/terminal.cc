#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "kv/names.h"

namespace kv::cli {
namespace {

constexpr std::size_t kUsualWidth = 80;
constexpr std::size_t kLongestSequence = 4;  // bytes of a code point

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

std::string_view SequenceOf(Colour colour) {
  switch (colour) {
    case Colour::kPlain: return "";
    case Colour::kBold: return "\x1b[1m";
    case Colour::kDim: return "\x1b[2m";
    case Colour::kRed: return "\x1b[31m";
    case Colour::kGreen: return "\x1b[32m";
    case Colour::kYellow: return "\x1b[33m";
    case Colour::kCyan: return "\x1b[36m";
  }
  return "";
}

// Bytes of the printable code point at the beginning; 0 if there is none.
std::size_t PrintableAt(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && size < kLongestSequence && IsContinuation(text[size])) {
    ++size;
  }
  return IsCleanUtf8(text.substr(0, size)) ? size : 0;
}

std::string EscapeByte(char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  switch (byte) {
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    default: return {'\\', 'x', digits[value >> 4], digits[value & 0xF]};
  }
}

}  // namespace

bool IsTerminal(int file_descriptor) {
  return isatty(file_descriptor) == 1;
}

std::size_t TerminalWidth() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualWidth;
}

std::string Paint(std::string_view text, Colour colour) {
  if (colour == Colour::kPlain) {
    return std::string(text);
  }
  return std::string(SequenceOf(colour)).append(text).append("\x1b[0m");
}

std::string Escape(std::string_view bytes) {
  std::string escaped;
  while (!bytes.empty()) {
    std::size_t size = PrintableAt(bytes);
    if (bytes.front() == '\\') {
      escaped += "\\\\";
    } else if (size > 0) {
      escaped += bytes.substr(0, size);
    } else {
      escaped += EscapeByte(bytes.front());
    }
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return escaped;
}

std::size_t DisplayWidth(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

std::string Shorten(std::string_view text, std::size_t width) {
  if (DisplayWidth(text) <= width) {
    return std::string(text);
  }
  std::size_t end = 0;
  for (std::size_t shown = 0; shown + 1 < width; ++shown) {
    do {
      ++end;
    } while (end < text.size() && IsContinuation(text[end]));
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace kv::cli
