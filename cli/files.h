// Whole files, or standard input.
#pragma once

#include <string>

#include "kv/result.h"

namespace kv::cli {

// "-" is standard input. Errors: bad-request, naming the file and why.
Result<std::string> ReadAll(const std::string& path);

// The file as a whole, or as it was. Errors: bad-request, naming the file and why.
Status ReplaceFile(const std::string& path, const std::string& content);

// "PATH: why", after a call that set errno.
Error FileError(const std::string& path);

}  // namespace kv::cli
