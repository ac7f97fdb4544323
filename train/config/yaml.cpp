#include "train/config/yaml.h"

#include <map>
#include <optional>
#include <sstream>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "core/error.h"
#include "core/quoted.h"

namespace ghost {
namespace {

using Report = std::function<void(YamlMark, const std::string&)>;

YamlMark mark_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// What the scanner would misread or explain badly. False: the text is not worth scanning.
bool check_text(const std::string& text, const Report& report) {
  YamlMark mark{1, 1};
  bool in_indentation = true, fine = true;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = utf8_length(text, i);
    if (length == 0 || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F) {
      report(mark, fmt::format("this is not YAML text: it has the byte 0x{:02x}", c));
      return false;
    }
    if (c == '\t' && in_indentation) {
      const size_t next = text.find_first_not_of(" \t\r", i);
      if (next != std::string::npos && text[next] != '\n' && text[next] != '#') {
        report(mark, "a tab in the indentation; YAML is indented with spaces");
        fine = false;
      }
      in_indentation = false;
    }
    in_indentation = c == '\n' || (in_indentation && c == ' ');
    mark = c == '\n' ? YamlMark{mark.line + 1, 1} : YamlMark{mark.line, mark.column + 1};
    i += length;
  }
  return fine;
}

// Builds the tree from the parser's events. Nodes under an anchor are shared by their aliases, never copied: a text can
// describe an exponentially large tree ("billion laughs").
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const Report& report) : report_(report) {}

  YamlPtr root() const { return root_; }
  std::optional<YamlMark> document() const { return document_; }

  void OnDocumentStart(const YAML::Mark& mark) override { document_ = mark_of(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark_of(mark), anchor, YamlNode{}); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark_of(mark), tag);
    add(mark_of(mark), anchor, {.kind = YamlNode::Kind::scalar, .text = value, .in_quotes = tag == kQuoted});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      report_(mark_of(mark), "this alias stands inside of what it stands for");
      attach({mark_of(mark), std::make_shared<YamlNode>()});
    } else {
      attach({mark_of(mark), found->second});
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark_of(mark), tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark_of(mark), tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  static constexpr const char* kQuoted = "!";

  struct Open {  // a list or mapping that has not ended
    std::shared_ptr<YamlNode> node;
    YamlMark mark;
    YAML::anchor_t anchor = 0;
    std::optional<YamlItem> key{};           // of a mapping, when its value comes next
    std::map<std::string, YamlMark> seen{};  // keys of a mapping
  };

  void check_tag(YamlMark mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == kQuoted) return;
    const std::string core = "tag:yaml.org,2002:";
    const std::string shown = tag.starts_with(core) ? "!!" + tag.substr(core.size()) : tag;
    report_(mark, fmt::format("the tag {} is not read; write the value without it", quoted(shown)));
  }
  void add(YamlMark mark, YAML::anchor_t anchor, YamlNode node) {
    auto shared = std::make_shared<YamlNode>(std::move(node));
    if (anchor) anchors_[anchor] = shared;
    attach({mark, std::move(shared)});
  }
  void open(YamlMark mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check_tag(mark, tag);
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    open_.push_back({.node = std::move(node), .mark = mark, .anchor = anchor});
  }
  void close() {
    const Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor) anchors_[done.anchor] = done.node;
    attach({done.mark, done.node});
  }
  void attach(YamlItem item) {
    if (open_.empty()) {
      root_ = item.node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::list) {
      parent.node->items.push_back(std::move(item));
    } else if (!parent.key) {
      parent.key = std::move(item);
    } else {
      add_pair(parent, *parent.key, std::move(item));
      parent.key.reset();
    }
  }
  void add_pair(Open& parent, const YamlItem& key, YamlItem value) {
    const std::string& name = key.node->text;
    if (key.node->kind != YamlNode::Kind::scalar) {
      report_(key.mark, fmt::format("a key must be a word, but this is {}", described(*key.node)));
      return;
    }
    if (name == "<<" && !key.node->in_quotes) {
      report_(key.mark, "merge keys (<<) are not read; `extends: other.yaml` shares keys between files");
      return;
    }
    const auto [first, is_new] = parent.seen.emplace(name, key.mark);
    if (!is_new) {
      report_(key.mark, fmt::format("the key {} is already at line {}, column {}", quoted(name), first->second.line,
                                    first->second.column));
      return;
    }
    // The parser gives a missing value the place of what follows.
    if (value.node->kind == YamlNode::Kind::null) value.mark = key.mark;
    parent.node->pairs.push_back({name, key.mark, std::move(value)});
  }

  const Report& report_;
  YamlPtr root_;
  std::optional<YamlMark> document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlPtr> anchors_;
};

}  // namespace

std::string described(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return node.in_quotes ? fmt::format("the string {}", quoted(node.text)) : quoted(node.text);
    case YamlNode::Kind::list:
      return "a list";
    default:
      return "a mapping";
  }
}

YamlPtr parse_yaml(const std::string& text, const Report& report) {
  if (!check_text(text, report)) return nullptr;
  Builder builder(report);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return std::make_shared<YamlNode>();
    Builder next(report);
    if (parser.HandleNextDocument(next))
      report(next.document().value_or(YamlMark{1, 1}),
             "a second document starts here; a configuration is one document");
  } catch (const YAML::DeepRecursion& error) {
    report(mark_of(error.mark), "the text is nested too deeply: a configuration has a handful of levels");
    return nullptr;
  } catch (const YAML::Exception& error) {
    report(mark_of(error.mark), fmt::format("not valid YAML: {} (look at indentation, colons, brackets and quotes here "
                                            "and in the line before)",
                                            error.msg));
    return nullptr;
  } catch (const std::exception& error) {
    report({}, fmt::format("not valid YAML: {}", error.what()));
    return nullptr;
  }
  return builder.root();
}

}  // namespace ghost
