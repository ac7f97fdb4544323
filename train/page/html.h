// Text that goes into a page.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace ghost::html {

std::string escape(const std::string& text);     // for content and for attributes in double quotes
std::string breakable(const std::string& name);  // escaped, and a line may break after each "_", "-" and "/"
// JSON that can stand in a <script>: no "<" is left in it.
std::string script_json(const std::string& json);
// Template with "{{name}}" replaced by its value; values are not looked through again. Throws Error for a name without
// a value.
struct Slot {
  const char* name;
  std::string_view value;
};
std::string fill(std::string_view text, std::initializer_list<Slot> slots);

}  // namespace ghost::html
