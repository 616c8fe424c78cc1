// Everything of the wire that reads what a client sent: topics, filters, properties, JSON, cursors;
// and what the client library reads that is no text: packed pages.
// The first byte chooses which; lines split what has several parts. Beside not crashing, what was
// accepted has to keep its promises.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kv/names.h"
#include "kv/units.h"
#include "wire/bucket_json.h"
#include "wire/cursor.h"
#include "wire/incoming.h"
#include "wire/names.h"
#include "wire/packed_entries.h"
#include "wire/read_options.h"
#include "wire/reply.h"
#include "wire/topics.h"
#include "wire/txn.h"
#include "wire/write_options.h"

namespace kv::wire {
namespace {

void Require(bool promise) {
  if (!promise) {
    std::abort();
  }
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::vector<UserProperty> TakeProperties(std::string_view text) {
  std::vector<UserProperty> properties;
  while (!text.empty()) {
    std::string_view line = TakeLine(text);
    const std::size_t equals = line.find('=');
    const bool has_value = equals != std::string_view::npos;
    properties.push_back({"kv-" + std::string(line.substr(0, equals)),
                          std::string(has_value ? line.substr(equals + 1) : "")});
  }
  return properties;
}

void FuzzTopics(std::string_view text) {
  const Topics topics("kv");
  const std::string data = "kv/" + std::string(text);
  if (const auto parsed = topics.ParseData(data)) {
    Require(topics.DataTopicOf(parsed->bucket.text(), parsed->key.text()) == data);
    Require(Key::Parse(parsed->key.text()).ok());
  }
  const std::string request = "$KV/" + std::string(text);
  if (const auto parsed = ParseRequest(request)) {
    Require(parsed->rest.empty() || Key::Parse(parsed->rest).ok());
    Require(parsed->bucket.empty() || BucketName::Parse(parsed->bucket).ok());
    Require((parsed->verb == Verb::kUpdate) == parsed->revision.has_value());
  }
  Require(ReplyTopicOf(request).size() == request.size() + 6);
}

void FuzzFilters(std::string_view text) {
  const std::string_view filter_text = TakeLine(text);
  if (const auto filter = KeyFilter::Parse(filter_text)) {
    const bool matches = filter->Matches(text);
    // On keys both matchers say the same.
    Require(!Key::Parse(text).ok() || text.front() == '$' ||
            matches == MatchesFilter(filter_text, text));
  }
  if (IsTopicFilter(filter_text)) {
    static_cast<void>(MatchesFilter(filter_text, text));
  }
}

void FuzzWriteOptions(std::string_view text) {
  const auto properties = TakeProperties(text);
  for (const bool empty : {false, true}) {
    if (const auto options = ParseWriteOptions(properties, empty)) {
      Require(options->message_id.size() <= kMaxMessageIdBytes);
      Require(options->verb != WriteVerb::kUpdate || options->expected);
    }
  }
}

void FuzzReadOptions(std::string_view text) {
  const std::string_view payload = TakeLine(text);
  if (const auto options = ParseReadOptions(TakeProperties(text), payload)) {
    Require(!options->filter || KeyFilter::Parse(*options->filter).ok());
    Require(!options->limit || *options->limit <= kMaxLimit);
  }
}

void FuzzConfig(std::string_view text) {
  BucketConfig config;
  if (ReadConfigJson(config, text)) {
    // What a client is told, it can send again.
    BucketConfig again;
    VisitFields(config, [&again](const std::string& name, const std::string& value) {
      Require(SetField(again, name, value).ok());
    });
    Require(again.history == config.history && again.metadata == config.metadata);
    static_cast<void>(InfoJson({"b", config, 0, 0, 0, 0, 0}));
  }
  BucketConfig line;
  static_cast<void>(ReadFields(line, text));
}

void FuzzTxn(std::string_view text) {
  if (const auto txn = ParseTxn(text)) {
    for (const auto* list : {&txn->then, &txn->otherwise}) {
      Require(list->size() <= kMaxTxnOperations);
      for (const auto& operation : *list) {
        Require(Key::Parse(operation.key).ok());
      }
    }
  }
}

void FuzzCursor(std::string_view text) {
  const std::vector<std::string_view> scope{"history", "b", "1", "", "#", "0", "0"};
  const auto position = DecodeCursor(scope, text);
  // One that is accepted is one that was given out.
  Require(!position || DecodeCursor(scope, EncodeCursor(scope, *position)) == position);
  Require(DecodeCursor(scope, EncodeCursor(scope, text)) == std::string(text));
  Require(!DecodeCursor({"keys"}, EncodeCursor(scope, text)));
}

void FuzzReply(std::string_view text) {
  Entry entry;
  entry.key = TakeLine(text);
  entry.properties.content_type = std::string(TakeLine(text));
  entry.value = text;
  static_cast<void>(JsonOf({EntryReply(kStatusOk, std::move(entry), false)}));
}

void FuzzPackedEntries(std::string_view page) {
  if (const auto entries = UnpackEntries(page)) {
    // No record is smaller than its head, whatever its lengths say.
    Require(entries->size() * 25 < page.size());
    const std::string again = PackEntries(*entries, /*meta_only=*/false);
    const auto read = UnpackEntries(again);
    Require(read.ok() && read->size() == entries->size());
    Require(PackEntries(*read, /*meta_only=*/false) == again);
  }
}

}  // namespace
}  // namespace kv::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kv::wire;  // NOLINT(google-build-using-namespace): one function
  if (size == 0) {
    return 0;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't': FuzzTopics(text); break;
    case 'f': FuzzFilters(text); break;
    case 'w': FuzzWriteOptions(text); break;
    case 'r': FuzzReadOptions(text); break;
    case 'c': FuzzConfig(text); break;
    case 'x': FuzzTxn(text); break;
    case 'u': FuzzCursor(text); break;
    case 'y': FuzzReply(text); break;
    case 'p': FuzzPackedEntries(text); break;
    default: break;
  }
  return 0;
}
