// Unknown keys, and what was probably meant.
#pragma once
#include <string>

#include "core/options.h"

namespace ghost {

// The one key at the top of a file that is no option: the file it extends.
inline constexpr const char* kExtends = "extends";

// The known key that was probably meant by `path`, or "a, b or c"; empty: none is like it.
std::string similar_key(const Description& known, const std::string& path);

// "; model has name, width or depth": the keys of the section that `path` is in. Empty: there is no such section.
std::string valid_keys(const Description& known, const std::string& path);

}  // namespace ghost
