#include "data/same_name.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <utf8proc.h>

#include "core/quoted.h"

namespace ghost {
namespace {

// The characters of a UTF-8 text without those that nobody sees: control characters, joiners, marks of direction.
std::u32string visible(const std::string& text, int options) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  const auto all = static_cast<utf8proc_option_t>(options | UTF8PROC_IGNORE | UTF8PROC_STRIPCC);
  const utf8proc_ssize_t count = utf8proc_decompose(bytes, size, nullptr, 0, all);
  if (count < 0) return {text.begin(), text.end()};  // not UTF-8: nothing looks like it
  std::vector<utf8proc_int32_t> buffer(static_cast<size_t>(count));
  utf8proc_decompose(bytes, size, buffer.data(), count, all);
  return {buffer.begin(), buffer.end()};
}

std::u32string without_blanks_around(std::u32string text) {
  const auto is_letter = [](char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c)) != UTF8PROC_CATEGORY_ZS;
  };
  text.erase(std::find_if(text.rbegin(), text.rend(), is_letter).base(), text.end());
  text.erase(text.begin(), std::find_if(text.begin(), text.end(), is_letter));
  return text;
}

std::string pair_sentence(const std::string& a, const std::string& b) {
  const bool blanks = without_blanks_around(visible(a, 0)) == without_blanks_around(visible(b, 0));
  return fmt::format("{} and {} differ in {} only", quoted(a), quoted(b),
                     blanks ? "blanks or invisible characters" : "how Unicode writes their letters");
}

}  // namespace

std::u32string as_it_looks(const std::string& name) {
  return without_blanks_around(visible(name, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE));
}

std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& names) {
  std::vector<std::string> sentences;
  std::map<std::u32string, std::string> seen;
  for (const std::string& name : names) {
    const auto [first, is_new] = seen.emplace(as_it_looks(name), name);
    if (!is_new) sentences.push_back(pair_sentence(first->second, name));
  }
  return sentences;
}

std::vector<std::string> names_that_look_the_same(const std::vector<std::string>& a,
                                                  const std::vector<std::string>& b) {
  std::vector<std::string> sentences;
  std::map<std::u32string, std::string> looks;
  for (const std::string& name : a) looks.emplace(as_it_looks(name), name);
  for (const std::string& name : b) {
    const auto found = looks.find(as_it_looks(name));
    if (found != looks.end() && found->second != name) sentences.push_back(pair_sentence(found->second, name));
  }
  return sentences;
}

}  // namespace ghost
