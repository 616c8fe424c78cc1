// import.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "cli/export_format.h"
#include "cli/files.h"
#include "cli/import_state.h"
#include "cli/importer.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "wire/entry_json.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStatePause{500};

struct ImportArguments {
  std::string bucket;
  std::string file = "-";
  bool resume = false;
  std::size_t window = 100;

  bool from_stdin() const { return file == "-"; }
  std::string state_file() const { return file + ".state"; }
};

std::string RandomId() {
  std::random_device device;
  return "import-" + std::to_string(device()) + std::to_string(device());
}

class Import {
 public:
  Import(const Tool& tool, const ImportArguments& arguments, const Interrupt& interrupt)
      : tool_(tool), arguments_(arguments), interrupt_(interrupt) {}

  Result<ExitCode> Run(const Client& client) {
    if (auto opened = Open(); !opened) {
      return std::move(opened).error();
    }
    auto header = ReadHeader();
    if (!header) {
      return std::move(header).error();
    }
    if (auto prepared = Prepare(client, *header); !prepared) {
      return std::move(prepared).error();
    }
    const bool has_history = *header && (*header)->has_history;
    if (arguments_.resume && has_history && !resumed_) {
      return Error(ErrorCode::kBadRequest,
                   "--resume: of an export with --history there is nothing to compare, and " +
                       arguments_.state_file() + " is not there");
    }
    Importer importer(client.bucket(arguments_.bucket).async(),
                      {.id = state_.id,
                       .compares = arguments_.resume && !has_history,
                       .window = arguments_.window});
    const Status imported = ImportLines(importer);
    // Also after an error: the lines before it were taken, and are on their way.
    const Status finished = importer.Finish();
    return End(importer, imported ? finished : imported);
  }

 private:
  Status Open() {
    state_ = {.bucket = arguments_.bucket, .id = RandomId()};
    if (arguments_.from_stdin()) {
      return Ok{};
    }
    file_.open(arguments_.file, std::ios::binary);
    if (!file_) {
      return FileError(arguments_.file);
    }
    std::error_code error;
    state_.bytes = std::filesystem::file_size(arguments_.file, error);
    if (error) {
      return Error(ErrorCode::kBadRequest, arguments_.file + ": " + error.message());
    }
    return arguments_.resume ? FindState() : Status(Ok{});
  }

  Status FindState() {
    auto state = ReadImportState(arguments_.state_file());
    if (!state) {
      return std::move(state).error();
    }
    if (!*state) {
      return Ok{};
    }
    if ((*state)->bucket != state_.bucket || (*state)->bytes != state_.bytes) {
      return Error(ErrorCode::kBadRequest,
                   arguments_.state_file() +
                       ": this is the state of another import; remove it to "
                       "begin anew");
    }
    state_ = std::move(**state);
    resumed_ = true;
    return Ok{};
  }

  std::istream& input() { return arguments_.from_stdin() ? std::cin : file_; }

  // False: the end. Errors: it cannot be read.
  Result<bool> NextLine(std::string& line) {
    if (!std::getline(input(), line)) {
      // Standard input, which shares its buffer with C, knows no difference between its end and an
      // error.
      const bool failed = arguments_.from_stdin() ? std::ferror(stdin) != 0 : file_.bad();
      return failed ? Result<bool>(FileError(arguments_.file)) : false;
    }
    ++line_;
    bytes_ += line.size() + 1;
    return true;
  }

  // The first line; if it is an entry instead, it comes again.
  Result<std::optional<ExportHeader>> ReadHeader() {
    std::string line;
    const auto read = NextLine(line);
    if (!read) {
      return read.error();
    }
    if (!*read) {
      return Error(ErrorCode::kBadRequest,
                   arguments_.file + ": accepted is an export, not nothing");
    }
    auto header = ReadHeaderLine(line);
    has_header_ = header && *header;
    if (!has_header_) {
      pending_ = std::move(line);
    }
    return header;
  }

  // A bucket that is there already is taken as it is.
  Status Prepare(const Client& client, const std::optional<ExportHeader>& header) {
    const auto info = client.bucket(arguments_.bucket).Info();
    if (info) {
      return Ok{};
    }
    if (info.error().code != ErrorCode::kBucketNotFound || !header) {
      return info.error().code == ErrorCode::kBucketNotFound ? Status(Ok{}) : info.error();
    }
    auto created = client.CreateBucket(arguments_.bucket, header->config);
    return created ? Status(Ok{}) : Status(std::move(created).error());
  }

  Status ImportLines(Importer& importer) {
    ProgressBar bar("import " + arguments_.bucket, state_.bytes, !tool_.output.quiet);
    std::string line;
    while (!interrupt_.came()) {
      if (pending_) {
        line = *std::exchange(pending_, std::nullopt);
      } else if (const auto read = NextLine(line); !read || !*read) {
        return read ? Status(Ok{}) : read.error();
      }
      if (auto imported = ImportLine(importer, line); !imported) {
        return imported;
      }
      bar.Show(bytes_, line_ - (has_header_ ? 1 : 0));
    }
    return Ok{};
  }

  Status ImportLine(Importer& importer, const std::string& line) {
    if (line_ <= state_.lines || line.empty()) {
      return Ok{};
    }
    auto entry = wire::ReadEntryJson(line);
    if (!entry) {
      return Error(entry.error().code,
                   "line " + std::to_string(line_) + ": " + entry.error().message);
    }
    auto taken = importer.Take(line_, std::move(*entry));
    return taken ? SaveNow(importer) : taken;
  }

  // Every now and then.
  Status SaveNow(const Importer& importer) {
    const auto now = steady_clock::now();
    if (arguments_.from_stdin() || now < next_save_) {
      return Ok{};
    }
    next_save_ = now + kStatePause;
    return Save(importer);
  }

  Status Save(const Importer& importer) {
    state_.lines = std::max(state_.lines, importer.settled());
    return WriteImportState(arguments_.state_file(), state_);
  }

  Result<ExitCode> End(const Importer& importer, const Status& imported) {
    const bool done = imported && !interrupt_.came();
    if (!arguments_.from_stdin()) {
      if (done) {
        std::remove(arguments_.state_file().c_str());  // NOLINT(cert-err33-c): it may not be there
      } else if (auto saved = Save(importer); !saved) {
        return std::move(saved).error();
      }
    }
    if (!imported) {
      return imported.error();
    }
    if (!done) {
      return Error(ErrorCode::kCancelled, "interrupted; --resume goes on");
    }
    const Json result{{"bucket", arguments_.bucket},
                      {"written", importer.written()},
                      {"skipped", importer.skipped()}};
    return Printed(tool_.output.json
                       ? tool_.output.Print(result)
                       : tool_.output.Line(std::to_string(importer.written()) + " written, " +
                                           std::to_string(importer.skipped()) + " skipped"));
  }

  const Tool& tool_;
  const ImportArguments& arguments_;
  const Interrupt& interrupt_;
  std::ifstream file_;
  ImportState state_;
  bool resumed_ = false;
  bool has_header_ = false;
  std::optional<std::string> pending_;
  std::size_t line_ = 0;
  std::uint64_t bytes_ = 0;
  steady_clock::time_point next_save_ = steady_clock::now();
};

Result<ExitCode> RunImport(const Tool& tool, const ImportArguments& arguments) {
  Interrupt interrupt;
  const auto client = tool.Connect();
  return client ? Import(tool, arguments, interrupt).Run(*client)
                : Result<ExitCode>(client.error());
}

}  // namespace

void AddImportVerb(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* const verb = app.add_subcommand(
      "import", "Write the entries of an export, into a bucket made like the exported one");
  verb->add_option("BUCKET", arguments->bucket, "the bucket; one that is there is taken as it is")
      ->required();
  verb->add_option("FILE", arguments->file, "the export; - or none: standard input");
  verb->add_flag(
      "--resume",
      arguments->resume,
      "go on with an interrupted import: from FILE.state, without what is there already");
  verb->add_option("--window", arguments->window, "writes on their way at once; default 100")
      ->check(CLI::Range(1, 200).description(""));
  OnChosen(*verb, tool, [&tool, arguments] { return RunImport(tool, *arguments); });
}

}  // namespace kv::cli
