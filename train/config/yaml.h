// YAML text as a tree with positions. yaml-cpp scans and parses; what it lets pass is refused here: keys that are there
// twice, merge keys, tags, tabs in the indentation, several documents, text that is not UTF-8.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ghost {

struct YamlMark {
  int line = 0, column = 0;  // from 1
};

struct YamlNode;
using YamlPtr = std::shared_ptr<const YamlNode>;

struct YamlItem {
  YamlMark mark;  // of the value, or of the alias that stands for it
  YamlPtr node;
};
struct YamlPair {
  std::string key;
  YamlMark key_mark;
  YamlItem value;
};

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text{};             // scalar
  bool in_quotes = false;         // scalar: it is a string, whatever it looks like
  std::vector<YamlItem> items{};  // list
  std::vector<YamlPair> pairs{};  // map; each key once
};

// "nothing", "'abc'", "a list", "a mapping": for messages.
std::string described(const YamlNode& node);

// The tree of the one document in `text`: a null node if it holds nothing. What is wrong goes to `report`, in any
// order; the result is then null or what is left of the tree. Never throws; takes time and memory in proportion to the
// text.
YamlPtr parse_yaml(const std::string& text, const std::function<void(YamlMark, const std::string&)>& report);

}  // namespace ghost
