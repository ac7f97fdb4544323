// Values of options as YAML text.
#pragma once
#include <functional>
#include <string>

#include "core/options.h"
#include "train/config/yaml.h"

namespace ghost {

// Reads a value into the struct that was described. What is wrong goes to `report`, as the end of a sentence that
// begins with the option's path; then nothing is changed and the result is false. Booleans are only true and false.
// Numbers are decimal and finite, integers have neither point nor exponent. A string is any scalar; an empty value is
// the empty string.
bool read_value(const YamlItem& item, const Field& field,
                const std::function<void(YamlMark, const std::string&)>& report);

// The value as read_value() reads it back exactly: numbers in the shortest form that gives the same bits, strings in
// quotes if needed.
std::string value_to_yaml(const Field& field);

}  // namespace ghost
