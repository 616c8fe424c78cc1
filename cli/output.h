// What the tool prints: results on standard output, everything else on standard error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/terminal.h"
#include "kv/bucket_info.h"
#include "kv/entry.h"
#include "kv/error.h"
#include "mosquitto_kv/types.h"

namespace kv::cli {

using Json = nlohmann::ordered_json;

struct Cell {
  std::string text;
  Colour colour = Colour::kPlain;
  bool is_number = false;  // to the right
};
using Row = std::vector<Cell>;

class Output {
 public:
  bool json = false;
  bool quiet = false;
  bool coloured = false;
  bool on_terminal = false;  // standard output is one

  // Each ends with what it printed being handed over; false: nobody reads it any more.
  bool Bytes(std::string_view bytes) const;
  bool Line(std::string_view line) const;
  bool Print(const Json& value) const;
  // On a terminal columns under headings, shortened to its width; else rows with tabs between the
  // cells.
  bool Table(const std::vector<std::string>& headings, const std::vector<Row>& rows) const;

  // One line of a history or a watch: an object, or key, revision, operation, time and value with
  // tabs between them, on a terminal in columns.
  bool PrintEntry(const Entry& entry) const;
  // Object, or just the revision.
  bool PrintWritten(std::string_view key, const Written& written) const;

  // On standard error, unless it is quiet.
  void Note(std::string_view text) const;
  void Fail(const Error& error) const;
};

// PUT, DEL, PURGE, and why it happened if nobody asked for it.
std::string OperationText(const Entry& entry);
Json WrittenJson(std::string_view key, const Written& written);

}  // namespace kv::cli
