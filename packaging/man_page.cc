// Fills the man page mosquitto_kv(5) in from the tables of the options and of the bucket fields:
//   man_page PLUGIN <mosquitto_kv.5.in >mosquitto_kv.5
#include <iostream>
#include <string>
#include <string_view>

#include "kv/bucket_config.h"
#include "plugin/options.h"

namespace kv::plugin {
namespace {

// troff typesets a hyphen as a dash unless it is escaped.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '-' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return escaped;
}

std::string Paragraph(std::string_view term, const std::string& text) {
  return ".TP\n.B " + Escaped(term) + "\n" + text + "\n";
}

std::string Options() {
  std::string text;
  for (const auto& row : OptionTable()) {
    const auto default_value = row.default_value.empty() ? "none" : row.default_value;
    text += Paragraph("plugin_opt_" + std::string(row.name),
                      Escaped(row.meaning) + "\nAccepted: " + Escaped(row.accepted) +
                          ".\nDefault: " + Escaped(default_value) + ".");
  }
  return text;
}

std::string BucketFields() {
  std::string text;
  VisitBucketFields([&text](const BucketField& field) {
    text += Paragraph(field.name, Escaped(field.accepted));
  });
  return text;
}

std::string Replaced(std::string line, const std::string& name, const std::string& text) {
  const std::size_t found = line.find(name);
  return found == std::string::npos ? line : line.replace(found, name.size(), text);
}

}  // namespace
}  // namespace kv::plugin

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: man_page PLUGIN <TEMPLATE >PAGE\n";
    return 2;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "@OPTIONS@") {
      std::cout << kv::plugin::Options();
    } else if (line == "@BUCKET_FIELDS@") {
      std::cout << kv::plugin::BucketFields();
    } else {
      std::cout << kv::plugin::Replaced(line, "@PLUGIN@", argv[1]) << '\n';
    }
  }
  return 0;
}
