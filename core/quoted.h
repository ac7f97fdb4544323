// Text from outside in messages.
#pragma once
#include <string>

namespace ghost {

// The text as it may stand in a message: in quotes, control characters replaced, cut to about 60 bytes.
std::string quoted(const std::string& text);

}  // namespace ghost
