// Patterns that name parameters in configurations: train.freeze, optimizer.groups.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"

namespace ghost {

// A pattern is a glob on the full name of a parameter, or of a module: then it names all below that. * is any text
// (dots too), ? is one character, [0-5] or [!0-5] one of these or none of them. "blocks" and "blocks.*" are the same.
bool names_parameter(const std::string& pattern, const std::string& parameter);

// What could have been meant by a pattern that names none of these, as the end of a sentence: names of parameters or of
// modules around them, written as the pattern is.
std::string pattern_suggestion(const std::string& pattern, const std::vector<Parameter>& parameters);

}  // namespace ghost
