// What one page of a reply costs the store, by the size of the bucket: a page must cost what it
// returns. The bucket has history 1; pages of 100 from the middle of it, as a cursor gives them.
// And what a page costs by its form: one message for each entry, or all of them packed.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "store/store.h"
#include "wire/names.h"
#include "wire/packed_entries.h"
#include "wire/reply.h"

namespace kv::store {
namespace {

// A bucket with so many keys, `site/<i / 100>/<i>`, kept for all benchmarks of this size.
class Fixture {
 public:
  explicit Fixture(std::int64_t keys) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kv-page-bench-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    auto opened = Store::Open({.path = directory_.string() + "/store"}, 1);
    store_ = std::move(*opened);
    bucket_ = *store_->CreateBucket(*BucketName::Parse("b"), {}, 1);
    const std::string value(128, 'v');
    for (std::int64_t i = 0; i < keys; ++i) {
      const std::string key = KeyOf(i);
      for (;;) {  // the journal may be full for a moment
        if (bucket_->Apply(*Key::Parse(key), {.value = value}, i + 1)) {
          break;
        }
      }
    }
    IgnoreError(store_->WaitDurable(store_->last_sequence()), "reading works without");
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::string KeyOf(std::int64_t i) {
    return "site/" + std::to_string(i / 100) + "/" + std::to_string(i);
  }
  const Bucket& bucket() const { return *bucket_; }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Store> store_;
  Bucket* bucket_ = nullptr;
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): outlives each benchmark
std::unique_ptr<Fixture> fixture;

const Bucket& BucketWith(std::int64_t keys) {
  static std::int64_t size = 0;
  if (size != keys) {
    fixture.reset();
    fixture = std::make_unique<Fixture>(keys);
    size = keys;
  }
  return fixture->bucket();
}

// NOLINTBEGIN(clang-analyzer-deadcode.DeadStores): `_` is the library's way of looping
void EntriesPage(benchmark::State& state) {
  const std::int64_t keys = state.range(0);
  const Bucket& bucket = BucketWith(keys);
  for (auto _ : state) {
    auto page = bucket.ReadPage(
        {.from = static_cast<Revision>(keys / 2), .newest_only = true, .limit = 100});
    benchmark::DoNotOptimize(page->entries.size());
  }
}

void EntriesOfAPrefix(benchmark::State& state) {
  const std::int64_t keys = state.range(0);
  const Bucket& bucket = BucketWith(keys);
  const std::string prefix = "site/" + std::to_string(keys / 200);
  for (auto _ : state) {
    auto page = bucket.ReadPage({.prefix = prefix, .newest_only = true, .limit = 100});
    benchmark::DoNotOptimize(page->entries.size());
  }
}

void KeysPage(benchmark::State& state) {
  const std::int64_t keys = state.range(0);
  const Bucket& bucket = BucketWith(keys);
  const std::string after = Fixture::KeyOf(keys / 2);
  for (auto _ : state) {
    auto page = bucket.ReadKeys({.after = after, .limit = 100});
    benchmark::DoNotOptimize(page.keys.size());
  }
}

// What a request costs that looks for what is not there: the search for a page ends after 20,000.
void KeysThatNothingMatches(benchmark::State& state) {
  const Bucket& bucket = BucketWith(state.range(0));
  const auto filter = KeyFilter::Parse("+/+/nothing/#");
  for (auto _ : state) {
    auto page = bucket.ReadKeys({.filter = &*filter});
    benchmark::DoNotOptimize(page.more);
  }
}

void HistoryThatNothingMatches(benchmark::State& state) {
  const Bucket& bucket = BucketWith(state.range(0));
  const auto filter = KeyFilter::Parse("+/+/nothing/#");
  for (auto _ : state) {
    auto page = bucket.ReadPage({.prefix = "site", .filter = &*filter});
    benchmark::DoNotOptimize(page->next);
  }
}

void LargestPage(benchmark::State& state) {
  const Bucket& bucket = BucketWith(state.range(0));
  for (auto _ : state) {
    auto page = bucket.ReadPage({.limit = 500, .max_bytes = std::size_t{4} << 20});
    benchmark::DoNotOptimize(page->entries.size());
  }
}

// The entries of one page as kv-packed bounds it.
std::vector<Entry> EntriesOfAPage() {
  const auto page =
      BucketWith(100'000).ReadPage({.limit = 500, .max_bytes = std::size_t{64} << 10});
  return page->entries;
}

// What the plugin makes of a page, before the broker has it: properties for each entry.
void PageAsMessages(benchmark::State& state) {
  const std::vector<Entry> entries = EntriesOfAPage();
  for (auto _ : state) {
    for (const Entry& entry : entries) {
      const wire::Reply reply = wire::EntryReply(wire::kStatusEntry, entry, /*meta_only=*/false);
      benchmark::DoNotOptimize(wire::UserPropertiesOf(reply).size());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries.size()));
}

void PagePacked(benchmark::State& state) {
  const std::vector<Entry> entries = EntriesOfAPage();
  for (auto _ : state) {
    benchmark::DoNotOptimize(wire::PackEntries(entries, /*meta_only=*/false).size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries.size()));
}

void PageUnpacked(benchmark::State& state) {
  const std::vector<Entry> entries = EntriesOfAPage();
  const std::string page = wire::PackEntries(entries, /*meta_only=*/false);
  for (auto _ : state) {
    benchmark::DoNotOptimize(wire::UnpackEntries(page)->size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries.size()));
}

// All that a packed page costs the broker's thread but its sending.
void LargestPackedPage(benchmark::State& state) {
  const Bucket& bucket = BucketWith(state.range(0));
  std::size_t entries = 0;
  for (auto _ : state) {
    const auto page = bucket.ReadPage({.limit = 500, .max_bytes = std::size_t{64} << 10});
    benchmark::DoNotOptimize(wire::PackEntries(page->entries, /*meta_only=*/false).size());
    entries += page->entries.size();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(entries));
}

BENCHMARK(EntriesPage)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(EntriesOfAPrefix)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(KeysPage)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(KeysThatNothingMatches)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(HistoryThatNothingMatches)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(LargestPage)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(LargestPackedPage)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(PageAsMessages)->Unit(benchmark::kMicrosecond);
BENCHMARK(PagePacked)->Unit(benchmark::kMicrosecond);
BENCHMARK(PageUnpacked)->Unit(benchmark::kMicrosecond);

// NOLINTEND(clang-analyzer-deadcode.DeadStores)

}  // namespace
}  // namespace kv::store

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  kv::store::fixture.reset();  // before RocksDB's own globals go
}
