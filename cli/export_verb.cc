// export.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/export_format.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/progress_bar.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "wire/entry_json.h"

#include <CLI/CLI.hpp>

namespace kv::cli {
namespace {

struct ExportArguments {
  std::string bucket;
  std::string filter;
  std::string file;  // empty: standard output
  bool history = false;
  bool resume = false;
};

// What an earlier export has left in the file.
struct Begun {
  ExportHeader header;
  Revision last = 0;         // of its last entry
  std::uintmax_t bytes = 0;  // up to the end of the last whole line
  std::uint64_t entries = 0;
};

Error NoExport(const std::string& path) {
  return Error(ErrorCode::kBadRequest, path + ": this is not an export, and stays as it is");
}

// Nothing if there is no file, or no more in it than the beginning of a header.
Result<std::optional<Begun>> ReadBegun(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Begun begun;
  std::string line;
  if (!std::getline(file, line) || file.eof()) {
    return BeginsHeaderLine(line) ? Result(std::optional<Begun>()) : NoExport(path);
  }
  auto header = ReadHeaderLine(line);
  if (!header) {
    return std::move(header).error();
  }
  if (!*header) {
    return NoExport(path);
  }
  begun.header = std::move(**header);
  begun.bytes = line.size() + 1;
  while (std::getline(file, line) && !file.eof()) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("revision") || !json["revision"].is_number_unsigned()) {
      return NoExport(path);
    }
    begun.last = json["revision"];
    begun.bytes += line.size() + 1;
    ++begun.entries;
  }
  return std::optional(std::move(begun));
}

class Exporter {
 public:
  Exporter(const Tool& tool, const ExportArguments& arguments)
      : tool_(tool), arguments_(arguments) {}
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;
  ~Exporter() {
    if (file_ != nullptr && file_ != stdout) {
      std::fclose(file_);  // NOLINT(cert-err33-c): what was to be written was flushed
    }
  }

  Result<ExitCode> Run(const Client& client) {
    const Bucket bucket = client.bucket(arguments_.bucket);
    const auto info = bucket.Info();
    if (!info) {
      return info.error();
    }
    header_ = {.bucket = arguments_.bucket,
               .has_history = arguments_.history,
               .last_revision = info->last_revision,
               .filter = arguments_.filter,
               .config = info->config};
    if (auto opened = Open(); !opened) {
      return std::move(opened).error();
    }
    const std::uint64_t total = arguments_.history ? info->entries : info->keys;
    return ReadPages(bucket, arguments_.filter.empty() ? total : 0);
  }

 private:
  Status Open() {
    if (arguments_.file.empty()) {
      file_ = stdout;
      return Write(HeaderLine(header_) + "\n");
    }
    if (arguments_.resume) {
      auto begun = ReadBegun(arguments_.file);
      if (!begun) {
        return std::move(begun).error();
      }
      if (*begun) {
        return GoOn(**begun);
      }
    }
    file_ = std::fopen(arguments_.file.c_str(), "wbe");
    return file_ == nullptr ? Status(FileError(arguments_.file))
                            : Write(HeaderLine(header_) + "\n");
  }

  Status GoOn(const Begun& begun) {
    if (begun.header.bucket != header_.bucket || begun.header.filter != header_.filter ||
        begun.header.has_history != header_.has_history) {
      return Error(ErrorCode::kBadRequest,
                   arguments_.file +
                       ": this is an export of something else (bucket, filter or "
                       "--history), and stays as it is");
    }
    std::error_code error;
    std::filesystem::resize_file(arguments_.file, begun.bytes, error);
    file_ = error ? nullptr : std::fopen(arguments_.file.c_str(), "abe");
    if (file_ == nullptr) {
      return FileError(arguments_.file);
    }
    from_ = begun.last == 0 ? 0 : begun.last + 1;
    entries_ = begun.entries;
    header_.last_revision = begun.header.last_revision;
    return Ok{};
  }

  Result<ExitCode> ReadPages(const Bucket& bucket, std::uint64_t total) {
    ProgressBar bar("export " + bucket.name(),
                    total,
                    !tool_.output.quiet && !(file_ == stdout && tool_.output.on_terminal));
    Selection selection = SelectionOf(arguments_.filter);
    selection.from_revision = from_;
    PageRequest request;
    do {
      const auto page = arguments_.history ? bucket.HistoryPage(selection, request)
                                           : bucket.EntriesPage(selection, request);
      if (!page) {
        return page.error();
      }
      if (auto written = WritePage(*page); !written) {
        return std::move(written).error();
      }
      bar.Show(entries_, entries_);
      request.cursor = page->cursor;
    } while (!request.cursor.empty());
    return ExitCode::kOk;
  }

  Status WritePage(const EntryPage& page) {
    if (page.compacted && arguments_.history && from_ > 0 && !std::exchange(warned_, true)) {
      tool_.output.Note("the bucket no longer keeps every entry since the export was interrupted");
    }
    std::string text;
    for (const Entry& entry : page.entries) {
      // A marker undoes a line only if it came after the export began.
      const bool is_idle =
          !arguments_.history && entry.is_marker() && entry.revision <= header_.last_revision;
      if (!is_idle) {
        text += wire::EntryJson(entry) + "\n";
        ++entries_;
      }
    }
    return Write(text);
  }

  Status Write(const std::string& text) {
    const bool written =
        std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
    return written ? Status(Ok{})
                   : FileError(arguments_.file.empty() ? "standard output" : arguments_.file);
  }

  const Tool& tool_;
  const ExportArguments& arguments_;
  ExportHeader header_;
  std::FILE* file_ = nullptr;
  Revision from_ = 0;
  std::uint64_t entries_ = 0;
  bool warned_ = false;
};

Result<ExitCode> RunExport(const Tool& tool, const ExportArguments& arguments) {
  if (arguments.resume && arguments.file.empty()) {
    return Error(ErrorCode::kBadRequest, "export: --resume goes on with a file: give -o FILE");
  }
  const auto client = tool.Connect();
  return client ? Exporter(tool, arguments).Run(*client) : Result<ExitCode>(client.error());
}

}  // namespace

void AddExportVerb(CLI::App& app, Tool& tool) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* const verb =
      app.add_subcommand("export", "Write a bucket's configuration and entries as JSON lines");
  verb->add_option("BUCKET", arguments->bucket, "the bucket")->required();
  verb->add_option("FILTER", arguments->filter, "a key in which levels may be +, the last one #");
  verb->add_flag("--history", arguments->history, "every kept entry instead of the newest ones");
  verb->add_option("-o,--output", arguments->file, "to this file instead of standard output");
  verb->add_flag("--resume", arguments->resume, "go on with the file of an interrupted export");
  OnChosen(*verb, tool, [&tool, arguments] { return RunExport(tool, *arguments); });
}

}  // namespace kv::cli
