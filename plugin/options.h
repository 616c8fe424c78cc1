// The options of mosquitto.conf, as one table. Source: protocol.md, "Configuration".
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/bucket_config.h"
#include "kv/clock.h"
#include "kv/result.h"
#include "store/engine.h"

namespace kv::plugin {

struct PluginOptions {
  std::string store_path;
  std::string topic_prefix = "kv";
  bool auto_create = true;
  std::size_t max_buckets = 1000;
  store::Sync sync = store::Sync::kBatch;
  Nanoseconds sync_interval = kSecond;
  std::size_t cache_size = std::size_t{64} << 20;
  Nanoseconds duplicate_window = 120 * kSecond;
  std::optional<std::string> broker_snapshot;
  std::optional<std::string> backup_path;
  bool wills = false;
  std::uint16_t wills_port = 1883;
  std::string wills_username;
  std::string wills_password;
  std::string wills_filter = "#";  // of <bucket>/<key>
  BucketConfig bucket_defaults;
  std::map<std::string, BucketConfig> buckets;  // declared ones

  friend bool operator==(const PluginOptions&, const PluginOptions&) = default;
};

struct OptionRow {
  std::string_view name;           // after plugin_opt_
  std::string_view default_value;  // empty: none
  std::string_view accepted;
  std::string_view meaning;  // a sentence for mosquitto.conf.example
};
// All options but the family bucket_<name>.
const std::vector<OptionRow>& OptionTable();

using OptionList = std::vector<std::pair<std::string, std::string>>;

// Errors: bad-request, one line that names the option and what is accepted.
Result<PluginOptions> ParseOptions(const OptionList& list);

}  // namespace kv::plugin
