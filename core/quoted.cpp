#include "core/quoted.h"

#include <algorithm>
#include <fmt/core.h>

namespace ghost {

namespace {

unsigned char byte_at(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

char32_t character(std::string_view text, size_t i, size_t length) {
  char32_t code = length == 1 ? byte_at(text, i) : byte_at(text, i) & (0xFFU >> (length + 1));
  for (size_t k = 1; k < length; k++) code = code << 6 | (byte_at(text, i + k) & 0x3FU);
  return code;
}

bool is_control(char32_t c) {
  const bool turns =
      c == 0x061C || (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || turns;
}

std::string escaped_byte(unsigned char c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\x{:02x}", c);
  }
}

// Every character as `keep` or `escape` writes it, which get its bytes.
template <class Keep, class Escape>
std::string rewritten(std::string_view text, const Keep& keep, const Escape& escape) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const std::string_view bytes = text.substr(i, std::max<size_t>(length, 1));
    if (length > 0 && !is_control(character(text, i, length)))
      keep(result, bytes);
    else
      escape(result, bytes);
    i += bytes.size();
  }
  return result;
}

}  // namespace

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

size_t utf8_length(std::string_view text, size_t at) {
  const unsigned char lead = byte_at(text, at);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t k = 1; k < length; k++)
    if ((byte_at(text, at + k) & 0xC0) != 0x80) return 0;
  const unsigned char next = length > 1 ? byte_at(text, at + 1) : 0;
  // Too long a form, a surrogate, beyond the last character.
  if ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) || (lead == 0xF0 && next < 0x90) ||
      (lead == 0xF4 && next > 0x8F))
    return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0, length = 0; i < text.size(); i += length)
    if ((length = utf8_length(text, i)) == 0) return false;
  return true;
}

std::string printable(std::string_view text) {
  return rewritten(
      text, [](std::string& to, std::string_view bytes) { to += bytes; },
      [](std::string& to, std::string_view bytes) {
        for (const char c : bytes) to += escaped_byte(static_cast<unsigned char>(c));
      });
}

std::string quoted(const std::string& text) {
  constexpr size_t kShown = 60;
  size_t length = std::min(text.size(), kShown);
  const auto continues = [&](size_t i) { return (byte_at(text, i) & 0xC0) == 0x80; };
  while (length < text.size() && length > 0 && continues(length)) --length;  // not inside of a UTF-8 sequence
  return fmt::format("'{}{}'", printable(std::string_view(text).substr(0, length)), length < text.size() ? "…" : "");
}

std::string quoted_names(const std::vector<std::string>& names, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + quoted(names[i]);
  return text + (names.size() > most ? ", …" : "");
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  // A "=" in front or a leading "~" would mean something; a minus is the caller's business.
  if (!text.empty() && text.front() != '=' && text.find_first_not_of(kPlain) == std::string_view::npos)
    return std::string(text);
  bool plain = true;
  std::string in_quotes = rewritten(
      text, [](std::string& to, std::string_view bytes) { to += bytes == "'" ? std::string_view("'\\''") : bytes; },
      [&](std::string&, std::string_view) { plain = false; });
  if (plain) return "'" + in_quotes + "'";
  return "$'" +
         rewritten(
             text,
             [](std::string& to, std::string_view bytes) {
               if (bytes == "'" || bytes == "\\") to += '\\';
               to += bytes;
             },
             [](std::string& to, std::string_view bytes) {
               // Three octal digits: "\x1" before a digit would swallow it.
               for (const char c : bytes) to += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
             }) +
         "'";
}

}  // namespace ghost
