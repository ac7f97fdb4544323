// Names that look the same and are not.
#pragma once
#include <string>
#include <vector>

namespace ghost {

// One text for all names that a reader takes for the same: in Unicode's canonical decomposition (macOS stores "é" as
// "e" and an accent, other systems as one letter), without blanks at both ends and invisible characters. `name` is
// UTF-8.
std::u32string as_it_looks(const std::string& name);

// "'cafe ' and 'cafe' differ in blanks or invisible characters only", one for each pair of names (UTF-8) that look the
// same; the names of one list are different.
std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& names);
// The same for the pairs of which each list has one.
std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace ghost
