// ImportState: how far an import has come, in a file beside what is imported: FILE.state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "kv/result.h"

namespace kv::cli {

struct ImportState {
  std::string bucket;
  std::string id;           // of the import: see ImportSettings
  std::uint64_t bytes = 0;  // of the file: another size, another file
  std::size_t lines = 0;    // so many from the beginning are in the bucket
};

// Nothing if there is no such file. Errors: bad-request.
Result<std::optional<ImportState>> ReadImportState(const std::string& path);
// Errors: bad-request.
Status WriteImportState(const std::string& path, const ImportState& state);

}  // namespace kv::cli
