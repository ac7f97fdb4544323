#include "train/page/html.h"

#include "core/error.h"

namespace ghost::html {

std::string escape(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  return result;
}

std::string breakable(const std::string& name) {
  std::string result, part;
  for (const char c : name) {
    part += c;
    if (c != '_' && c != '-' && c != '/') continue;
    result += escape(part) + "<wbr>";
    part.clear();
  }
  return result + escape(part);
}

std::string script_json(const std::string& json) {
  std::string result;
  result.reserve(json.size());
  for (const char c : json)
    if (c == '<')
      result += "\\u003c";
    else
      result += c;
  return result;
}

std::string fill(std::string_view text, std::initializer_list<Slot> slots) {
  std::string result;
  for (size_t at = 0;;) {
    const size_t open = text.find("{{", at);
    result += text.substr(at, open - at);
    if (open == std::string::npos) return result;
    const size_t close = text.find("}}", open);
    if (close == std::string::npos) fail("template: \"{{{{\" at {} has no end", open);
    const std::string name(text.substr(open + 2, close - open - 2));
    const Slot* slot = nullptr;
    for (const Slot& one : slots)
      if (name == one.name) slot = &one;
    if (!slot) fail("template: nothing is known of {}", name);
    result += slot->value;
    at = close + 2;
  }
}

}  // namespace ghost::html
