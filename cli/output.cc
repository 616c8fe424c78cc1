#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "wire/entry_json.h"
#include "wire/time_text.h"

namespace kv::cli {
namespace {

constexpr std::string_view kGap = "  ";

Colour ColourOf(Operation operation) {
  switch (operation) {
    case Operation::kPut: return Colour::kGreen;
    case Operation::kDelete: return Colour::kYellow;
    case Operation::kPurge: return Colour::kRed;
  }
  return Colour::kPlain;
}

Row RowOf(const Entry& entry) {
  return {{Escape(entry.key), Colour::kBold},
          {std::to_string(entry.revision), Colour::kCyan},
          {OperationText(entry), ColourOf(entry.operation)},
          {wire::FormatTime(entry.time), Colour::kDim},
          {Escape(entry.value)}};
}

std::string TabbedLine(const Row& row) {
  std::string line;
  for (const Cell& cell : row) {
    line.append(line.empty() && &cell == &row.front() ? "" : "\t").append(cell.text);
  }
  return line;
}

class Columns {
 public:
  Columns(bool coloured, const std::vector<std::string>& headings, const std::vector<Row>& rows)
      : coloured_(coloured) {
    for (const std::string& heading : headings) {
      widths_.push_back(DisplayWidth(heading));
    }
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths_[i] = std::max(widths_[i], DisplayWidth(row[i].text));
      }
    }
  }

  // The last cell gets what is left of the terminal's width.
  std::string Line(const Row& row) const {
    const std::size_t width = TerminalWidth();
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_last = i + 1 == row.size();
      constexpr std::size_t at_least = 8;
      const std::string text =
          is_last ? Shorten(row[i].text, std::max(width - std::min(width, used), at_least))
                  : row[i].text;
      const std::string padding(widths_[i] - std::min(widths_[i], DisplayWidth(text)), ' ');
      const std::string painted = coloured_ ? Paint(text, row[i].colour) : text;
      line += row[i].is_number ? padding + painted : painted + (is_last ? "" : padding);
      line += is_last ? "" : kGap;
      used += widths_[i] + kGap.size();
    }
    return line;
  }

 private:
  bool coloured_;
  std::vector<std::size_t> widths_;
};

}  // namespace

bool Output::Bytes(std::string_view bytes) const {
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
         std::fflush(stdout) == 0;
}

bool Output::Line(std::string_view line) const {
  return Bytes(std::string(line) + "\n");
}

bool Output::Print(const Json& value) const {
  return Line(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool Output::Table(const std::vector<std::string>& headings, const std::vector<Row>& rows) const {
  std::string text;
  if (on_terminal) {
    const Columns columns(coloured, headings, rows);
    Row top;
    for (std::size_t i = 0; i < headings.size(); ++i) {
      top.push_back({headings[i], Colour::kBold, !rows.empty() && rows.front()[i].is_number});
    }
    text += columns.Line(top) + "\n";
    for (const Row& row : rows) {
      text += columns.Line(row) + "\n";
    }
  } else {
    for (const Row& row : rows) {
      text += TabbedLine(row) + "\n";
    }
  }
  return Bytes(text);
}

bool Output::PrintEntry(const Entry& entry) const {
  if (json) {
    return Line(wire::EntryJson(entry));
  }
  const Row row = RowOf(entry);
  if (!on_terminal) {
    return Line(TabbedLine(row));
  }
  // What comes later is not known: columns that fit most.
  static const std::vector<std::string> kWidths{std::string(20, ' '), "000000", "PURGE", "", ""};
  return Line(Columns(coloured, kWidths, {}).Line(row));
}

bool Output::PrintWritten(std::string_view key, const Written& written) const {
  return json ? Print(WrittenJson(key, written)) : Line(std::to_string(written.revision));
}

void Output::Note(std::string_view text) const {
  if (!quiet) {
    std::fprintf(stderr, "mosquitto_kv: %.*s\n", static_cast<int>(text.size()), text.data());
  }
}

void Output::Fail(const Error& error) const {
  if (quiet) {
    return;
  }
  if (!json) {
    const std::string text =
        coloured && IsTerminal(2) ? Paint(error.message, Colour::kRed) : error.message;
    Note(text);
    return;
  }
  Json object{{"error", error.token()}, {"message", error.message}};
  if (error.revision) {
    object["revision"] = *error.revision;
  }
  const std::string text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::fprintf(stderr, "%s\n", text.c_str());
}

std::string OperationText(const Entry& entry) {
  std::string text(NameOf(entry.operation));
  if (entry.reason != Reason::kNone) {
    text.append(" (").append(NameOf(entry.reason)).append(")");
  }
  return text;
}

Json WrittenJson(std::string_view key, const Written& written) {
  Json object{{"key", key}, {"revision", written.revision}};
  if (written.time != 0) {
    object["time"] = wire::FormatTime(written.time);
  }
  if (written.duplicate) {
    object["duplicate"] = true;
  }
  return object;
}

}  // namespace kv::cli
