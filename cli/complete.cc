#include "cli/complete.h"

#include <algorithm>
#include <cstdio>

#include "cli/tool.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

constexpr double kPatience = 2;  // seconds that the broker has to answer
constexpr std::size_t kMostKeys = 200;

const auto kAll = [](const auto* /*one*/) {
  return true;
};

bool TakesValue(const CLI::Option& option) {
  return option.get_items_expected_min() > 0;
}

void PrintCandidate(std::string_view word, std::string_view what) {
  std::printf("%.*s\t%.*s\n",
              static_cast<int>(word.size()),
              word.data(),
              static_cast<int>(what.size()),
              what.data());
}

// The words that are finished, as far as they are understood.
class Words {
 public:
  explicit Words(const CLI::App& app) : root_(app), verb_(&app) {}

  void Take(const std::string& word) {
    if (awaits_value_ != nullptr) {
      TakeValue(word);
    } else if (word.size() > 1 && word.front() == '-') {
      TakeOption(word);
    } else if (const CLI::App* next = Subcommand(word)) {
      verb_ = next;
    } else {
      positionals_.push_back(word);
    }
  }

  const CLI::App& verb() const { return *verb_; }
  bool awaits_value() const { return awaits_value_ != nullptr; }
  const std::vector<std::string>& positionals() const { return positionals_; }
  // Those that say how to get to the broker.
  const std::vector<std::string>& connection() const { return connection_; }

  // The name of the argument that comes next; empty if there is none.
  std::string NextPositional() const {
    const auto arguments =
        verb_->get_options([](const CLI::Option* option) { return option->get_positional(); });
    return positionals_.size() < arguments.size()
               ? arguments[positionals_.size()]->get_name(/*positional=*/true)
               : "";
  }

 private:
  const CLI::App* Subcommand(const std::string& word) const {
    for (const CLI::App* candidate : verb_->get_subcommands(kAll)) {
      if (positionals_.empty() && candidate->check_name(word)) {
        return candidate;
      }
    }
    return nullptr;
  }

  void TakeOption(const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    const CLI::Option* option = verb_->get_option_no_throw(name);
    const bool is_roots = option == nullptr;
    option = is_roots ? root_.get_option_no_throw(name) : option;
    if (option == nullptr) {
      return;
    }
    const bool is_connection = root_.get_option_no_throw(name) == option;
    awaits_value_ = TakesValue(*option) && name == word ? option : nullptr;
    is_connection_ = is_connection;
    if (is_connection) {
      connection_.push_back(word);
    }
  }

  void TakeValue(const std::string& word) {
    if (is_connection_) {
      connection_.push_back(word);
    }
    awaits_value_ = nullptr;
  }

  const CLI::App& root_;
  const CLI::App* verb_;
  const CLI::Option* awaits_value_ = nullptr;
  bool is_connection_ = false;
  std::vector<std::string> positionals_;
  std::vector<std::string> connection_;
};

void PrintOptions(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options(kAll)) {
    for (const std::string& name : option->get_lnames()) {
      PrintCandidate("--" + name, option->get_description());
    }
  }
}

void PrintVerbs(const CLI::App& app) {
  for (const CLI::App* verb : app.get_subcommands(kAll)) {
    PrintCandidate(verb->get_name(), verb->get_description());
  }
}

void PrintBuckets(const Client& client) {
  if (const auto buckets = client.Buckets()) {
    for (const BucketInfo& bucket : *buckets) {
      PrintCandidate(bucket.name, bucket.config.description);
    }
  }
}

// Of those that begin with the same levels as what is typed.
void PrintKeys(const Client& client, const std::string& bucket, const std::string& typed) {
  const std::size_t slash = typed.rfind('/');
  const Selection selection{.prefix = slash == std::string::npos ? "" : typed.substr(0, slash)};
  if (const auto page = client.bucket(bucket).KeysPage(selection, {.limit = kMostKeys})) {
    for (const std::string& key : page->keys) {
      PrintCandidate(key, "");
    }
  }
}

}  // namespace

std::vector<std::string> ConnectionWords(const CLI::App& app,
                                         const std::vector<std::string>& words) {
  Words taken(app);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    taken.Take(words[i]);
  }
  auto connection = taken.connection();
  if (taken.awaits_value() && !connection.empty()) {
    connection.pop_back();
  }
  return connection;
}

void PrintCandidates(const CLI::App& app, Tool& tool, const std::vector<std::string>& words) {
  Words taken(app);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    taken.Take(words[i]);
  }
  const std::string typed = words.empty() ? "" : words.back();
  if (taken.awaits_value()) {
    return;
  }
  if (typed.starts_with('-')) {
    PrintOptions(taken.verb());
    if (&taken.verb() != &app) {
      PrintOptions(app);
    }
    return;
  }
  if (!taken.verb().get_subcommands(kAll).empty()) {
    PrintVerbs(taken.verb());
    return;
  }
  const std::string next = taken.NextPositional();
  if (next != "BUCKET" && next != "KEY" && next != "FILTER") {
    return;
  }
  tool.connection.timeout = kPatience;
  const auto client = tool.Connect();
  if (client && next == "BUCKET") {
    PrintBuckets(*client);
  } else if (client && !taken.positionals().empty()) {
    PrintKeys(*client, taken.positionals().front(), typed);
  }
}

}  // namespace kv::cli
