#include "plugin/options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <set>

#include "kv/names.h"
#include "kv/units.h"

namespace kv::plugin {
namespace {

constexpr std::string_view kBucketFamily = "bucket_";
constexpr std::string_view kOptionPrefix = "plugin_opt_";
// With them and a bucket a key of all its levels still makes a topic that the broker takes.
constexpr std::ptrdiff_t kMaxPrefixLevels = 8;

struct Option {
  OptionRow row;
  bool (*set)(PluginOptions&, const std::string&);
};

bool SetSizeOf(std::size_t& into, const std::string& text) {
  const auto size = ParseSize(text);
  into = size.value_or(0);
  return size && *size > 0;
}

bool SetLengthOf(Nanoseconds& into, const std::string& text) {
  const auto length = ParseDuration(text);
  into = length.value_or(0);
  return length.has_value();
}

bool SetFlagOf(bool& into, const std::string& text) {
  const auto flag = ParseBool(text);
  into = flag.value_or(false);
  return flag.has_value();
}

bool SetPrefix(PluginOptions& options, const std::string& text) {
  options.topic_prefix = text;
  // A $-topic is matched by no wildcard: nobody could watch it.
  return Key::Parse(text).ok() && text.front() != '$' &&
         std::count(text.begin(), text.end(), '/') < kMaxPrefixLevels;
}

bool SetMaxBuckets(PluginOptions& options, const std::string& text) {
  const auto number = ParseUnsigned(text);
  options.max_buckets = number.value_or(0);
  return number && *number >= 1;
}

bool SetWillsPort(PluginOptions& options, const std::string& text) {
  const auto number = ParseUnsigned(text);
  const bool good = number && *number >= 1 && *number <= 65535;
  options.wills_port = static_cast<std::uint16_t>(good ? *number : 0);
  return good;
}

bool SetSync(PluginOptions& options, const std::string& text) {
  if (text == "always") {
    options.sync = store::Sync::kAlways;
  } else if (text == "interval") {
    options.sync = store::Sync::kInterval;
  } else {
    options.sync = store::Sync::kBatch;
    return text == "batch";
  }
  return true;
}

bool IsUsableDirectory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         ::access(path.c_str(), R_OK | W_OK | X_OK) == 0;
}

// A broker that has not saved anything yet has no file: only what is no file is wrong.
bool MayBeSnapshot(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0
             ? errno == ENOENT
             : S_ISREG(info.st_mode) && ::access(path.c_str(), R_OK) == 0;
}

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Option>& Options() {
  static const std::vector<Option> kOptions{
      {{"store_path",
        "",
        "a directory that the broker's user can write, or whose parent it can write",
        "Where the buckets are kept; made if it is missing. Required."},
       [](PluginOptions& o, const std::string& text) {
         o.store_path = text;
         return !text.empty();
       }},
      {{"topic_prefix",
        "kv",
        "a topic of at most 8 levels without wildcards that does not begin with $",
        "The topic under which the buckets stand: <prefix>/<bucket>/<key>."},
       SetPrefix},
      {{"auto_create",
        "true",
        "true or false",
        "Whether a write to an unknown bucket creates it, with bucket_defaults."},
       [](PluginOptions& o, const std::string& text) {
         return SetFlagOf(o.auto_create, text);
       }},
      {{"max_buckets", "1000", "a whole number above 0", "How many buckets there may be."},
       SetMaxBuckets},
      {{"sync",
        "batch",
        "always, batch or interval",
        "When a write is on disk: before its PUBACK, before its reply, or once an interval. In "
        "every mode an acknowledged write survives the death of the broker's process."},
       SetSync},
      {{"sync_interval",
        "1s",
        "a duration (90, 500ms, 30s, 15m, 12h, 7d)",
        "The longest time that a write waits for the disk flush."},
       [](PluginOptions& o, const std::string& text) {
         return SetLengthOf(o.sync_interval, text);
       }},
      {{"cache_size",
        "64MiB",
        "a size above 0 (bytes, or with KiB, MiB, GiB)",
        "Memory for reading entries that are only on disk."},
       [](PluginOptions& o, const std::string& text) {
         return SetSizeOf(o.cache_size, text);
       }},
      {{"duplicate_window",
        "2m",
        "a duration (90, 500ms, 30s, 15m, 12h, 7d)",
        "How long a kv-msg-id is remembered."},
       [](PluginOptions& o, const std::string& text) {
         return SetLengthOf(o.duplicate_window, text);
       }},
      {{"broker_snapshot",
        "",
        "the path of the broker's mosquitto.db",
        "At start only what differs from the broker's own retained messages is published, and "
        "stale "
        "ones are cleared. Without it the plugin looks into the broker's configuration file."},
       [](PluginOptions& o, const std::string& text) {
         o.broker_snapshot = text;
         return !text.empty() && MayBeSnapshot(text);
       }},
      {{"backup_path",
        "",
        "a directory that the broker's user can write",
        "Where $KV/checkpoint writes its copies."},
       [](PluginOptions& o, const std::string& text) {
         o.backup_path = text;
         return IsUsableDirectory(text);
       }},
      {{"wills",
        "false",
        "true or false",
        "Whether wills to kv topics are stored. Brokers of the 2.0 series do not show wills to "
        "plugins: with true the plugin subscribes to the buckets as a client of this broker, which "
        "costs the broker one delivery more for each change."},
       [](PluginOptions& o, const std::string& text) {
         return SetFlagOf(o.wills, text);
       }},
      {{"wills_port",
        "1883",
        "a port from 1 to 65535",
        "The listener for that, on 127.0.0.1 and without TLS."},
       SetWillsPort},
      {{"wills_username",
        "",
        "a user that may read the kv topics",
        "With whose name the plugin connects for wills; without it, as nobody."},
       [](PluginOptions& o, const std::string& text) {
         o.wills_username = text;
         return !text.empty();
       }},
      {{"wills_password", "", "the password of wills_username", "And with which password."},
       [](PluginOptions& o, const std::string& text) {
         o.wills_password = text;
         return !text.empty();
       }},
      {{"wills_filter",
        "#",
        "a filter below the topic prefix (+/status/#)",
        "Where wills are looked for, <bucket>/<key>: the narrower, the cheaper."},
       [](PluginOptions& o, const std::string& text) {
         o.wills_filter = text;
         return KeyFilter::Parse(text).ok();
       }},
      {{"bucket_defaults",
        "history=1",
        "bucket fields, name=value",
        "The configuration of buckets that are created by their first write."},
       [](PluginOptions&, const std::string&) {
         return true;
       }},
  };
  return kOptions;
}

Error BadOption(const std::string& name, std::string_view accepted) {
  return Error(ErrorCode::kBadRequest,
               std::string(kOptionPrefix) + name + ": accepted is " + std::string(accepted));
}

// Levenshtein's distance, to suggest the name that was meant.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

Error UnknownOption(const std::string& name) {
  const auto& options = Options();
  const auto nearest =
      std::min_element(options.begin(), options.end(), [&name](const Option& a, const Option& b) {
        return Distance(a.row.name, name) < Distance(b.row.name, name);
      });
  std::string names;
  for (const auto& option : options) {
    names += std::string(option.row.name) + ", ";
  }
  return Error(ErrorCode::kBadRequest,
               std::string(kOptionPrefix) + name + " is unknown, nearest is " +
                   std::string(kOptionPrefix) + std::string(nearest->row.name) + "; accepted are " +
                   names + "bucket_<name>");
}

Status SetOne(PluginOptions& options, const std::string& name, const std::string& text) {
  const auto& table = Options();
  const auto found = std::find_if(table.begin(), table.end(), [&name](const Option& option) {
    return option.row.name == name;
  });
  if (found == table.end()) {
    return UnknownOption(name);
  }
  return found->set(options, text) ? Status(Ok{}) : BadOption(name, found->row.accepted);
}

Status SetBucketFields(BucketConfig& config, const std::string& name, const std::string& text) {
  auto read = ReadFields(config, text);
  return read ? read
              : Status(Error(ErrorCode::kBadRequest,
                             std::string(kOptionPrefix) + name + ": " + read.error().message));
}

bool IsBucketOption(const std::string& name) {
  return name.rfind(kBucketFamily, 0) == 0 && name != "bucket_defaults";
}

Status DeclareBucket(PluginOptions& options, const std::string& option, const std::string& text) {
  const std::string name = option.substr(kBucketFamily.size());
  if (!BucketName::Parse(name)) {
    return BadOption(option, "bucket_<name>, the name 1 to 64 of A-Z a-z 0-9 _ -");
  }
  BucketConfig config = options.bucket_defaults;
  auto set = SetBucketFields(config, option, text);
  options.buckets[name] = config;
  return set;
}

}  // namespace

const std::vector<OptionRow>& OptionTable() {
  static const std::vector<OptionRow> kRows = [] {
    std::vector<OptionRow> rows;
    for (const auto& option : Options()) {
      rows.push_back(option.row);
    }
    return rows;
  }();
  return kRows;
}

Result<PluginOptions> ParseOptions(const OptionList& list) {
  PluginOptions options;
  std::set<std::string> seen;
  for (const auto& [name, text] : list) {
    if (!seen.insert(name).second) {
      return Error(ErrorCode::kBadRequest,
                   std::string(kOptionPrefix) + name + ": given twice, accepted is once");
    }
    Status set = Ok{};
    if (name == "bucket_defaults") {
      set = SetBucketFields(options.bucket_defaults, name, text);
    } else if (!IsBucketOption(name)) {
      set = SetOne(options, name, text);
    }
    if (!set) {
      return std::move(set).error();
    }
  }
  // Declared buckets last: they build on bucket_defaults, wherever that stands.
  for (const auto& [name, text] : list) {
    if (IsBucketOption(name)) {
      if (auto declared = DeclareBucket(options, name, text); !declared) {
        return std::move(declared).error();
      }
    }
  }
  if (options.store_path.empty()) {
    return Error(ErrorCode::kBadRequest,
                 "plugin_opt_store_path is missing: accepted is a directory that the broker's user "
                 "can write");
  }
  return options;
}

}  // namespace kv::plugin
