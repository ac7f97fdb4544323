// Which known name was probably meant: for messages about a name that does not exist.
#pragma once
#include <string>
#include <vector>

namespace ghost {

// The known name with the smallest edit distance (insertions, deletions, substitutions and swaps of neighbours count 1;
// case counts nothing), the first of equals, if at most a third of the longer name differs (names of four letters and
// more: two edits). Else the first name of which `wanted` is a part between dots or underscores, or the other way round
// ("mnist" → "fashion_mnist"). Else empty.
std::string nearest(const std::string& wanted, const std::vector<std::string>& known);

// "; did you mean 'x'?" or nothing: the end of a sentence about a wrong name.
std::string did_you_mean(const std::string& wanted, const std::vector<std::string>& known);

// "a, b or c"
std::string any_of(const std::vector<std::string>& names);

}  // namespace ghost
