// Text from outside in messages: names of files and classes may hold whatever their author liked.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ghost {

// The text as it may stand in a line on a terminal: control characters and line breaks are written out (\n, \x1b), and
// so are bytes that are not UTF-8 and characters that turn the direction of writing. Anything else stays as it is.
std::string printable(std::string_view text);

// The same in quotes, cut to about 60 bytes.
std::string quoted(const std::string& text);

// "'bus', 'car', …": the first `most` of the names.
std::string quoted_names(const std::vector<std::string>& names, size_t most);

// The text as one word of a command for a shell (POSIX; with control characters as bash, zsh and ksh read them).
std::string shell_word(std::string_view text);

std::string lower(std::string text);  // ASCII letters in lower case, all else as it is

// Bytes of the UTF-8 character that begins at `at` (RFC 3629); 0: none does.
size_t utf8_length(std::string_view text, size_t at);
bool is_utf8(std::string_view text);

}  // namespace ghost
