// Values of options as YAML text.
#pragma once
#include <functional>
#include <string>

#include "train/config/describe.h"
#include "train/config/yaml.h"

namespace ghost {

// Reads a value into the struct that was described. What is wrong goes to `report`, as the rest of a sentence that
// starts with the option's path; then nothing is changed and the result is false. Booleans are true and false only;
// numbers are decimal and finite, integers without point and exponent; strings are any scalar, nothing is the empty
// one.
bool read_value(const YamlItem& item, const Field& field,
                const std::function<void(YamlMark, const std::string&)>& report);

// As it is read back exactly: numbers in their shortest form that gives the same bits, strings in quotes if needed.
std::string value_to_yaml(const Field& field);

}  // namespace ghost
