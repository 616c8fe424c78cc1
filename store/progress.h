// How far work has come that is done in slices.
#pragma once

#include <cstdint>

namespace kv::store {

enum class Progress : std::uint8_t {
  kDone,
  kMore,     // there is more to do at once
  kWaiting,  // for the disk, which must not be waited for; StoreOptions::on_progress tells
};

}  // namespace kv::store
