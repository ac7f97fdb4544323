// A configuration is read in layers, the lowest first: extended files, the file itself, --set. A layer replaces whole
// values.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include "core/nearest.h"
#include "core/quoted.h"
#include "train/config/check.h"
#include "train/config/describe.h"
#include "train/config/keys.h"
#include "train/config/problems.h"
#include "train/config/values.h"
#include "train/config/yaml.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using Kind = YamlNode::Kind;

constexpr size_t kMostBytes = 1 << 20;

// An option as it stands in one layer.
struct Assignment {
  YamlItem item;
  Place place;      // of the value
  Place key_place;  // of the key
  int layer = 0;
  bool by_set = false;
  bool valid = false;
};

class Reader {
 public:
  // A file and those it extends, with what stands in place of the file's bytes if it has been read already.
  void add_file(const std::string& name, const std::optional<Place>& extended_at = {},
                const std::string* text = nullptr);
  void add_set(const std::string& argument);
  LoadedConfig resolve();

 private:
  struct Source {
    std::string name;
    int order = 0;
    bool by_set = false;
    Place at(YamlMark mark) const { return {name, by_set ? 0 : mark.line, by_set ? 0 : mark.column, order}; }
  };
  Source source(const std::string& name, bool by_set) { return {name, sources_++, by_set}; }
  std::optional<std::string> read_text(const std::string& name, const Place& blame);
  YamlPtr parse(const std::string& text, const Source& from);
  void read_mapping(const YamlNode& mapping, const std::string& prefix, const Source& from);
  void read_option(const std::string& path, YamlMark key_mark, const YamlItem& item, const Source& from);
  void assign(const Field& field, YamlMark key_mark, const YamlItem& item, const Source& from);
  void report_unknown_keys();

  const Assignment* effective(const std::string& path) const;
  void read_names();
  void find_data_names();
  const std::string& data_name_of(int layer) const;
  void apply(const Field& field, const Assignment& assignment);
  void check();

  Problems problems_;
  std::vector<std::pair<fs::path, std::string>> chain_;  // files being read: canonical and as named
  std::map<std::string, std::vector<Assignment>> assignments_;
  std::vector<std::pair<Place, std::string>> unknown_keys_;  // paths that no option has
  std::vector<std::pair<int, std::string>> data_names_;      // from which layer on data.name is what
  int sources_ = 0, layer_ = 0;
  Config checked_, config_;  // checked_: every assignment is read into it, for what is wrong with it
  Description checked_fields_ = describe(checked_), fields_ = describe(config_);
  std::vector<std::string> notes_;
};

// ---- files

std::string nearest_file(const fs::path& file) {
  constexpr size_t kLooked = 1000;
  std::vector<std::string> names;
  std::error_code ignored;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  for (fs::directory_iterator i(folder, ignored), end; !ignored && i != end && names.size() < kLooked;
       i.increment(ignored))
    if (!i->is_directory(ignored)) names.push_back(i->path().filename().string());
  std::sort(names.begin(), names.end());
  const std::string name = nearest(file.filename().string(), names);
  return name.empty() ? name : fmt::format("; did you mean {}?", quoted((file.parent_path() / name).string()));
}

// The file's first bytes, up to `most`; returns 0 or the system's reason. A pipe is waited for, and a signal that is
// handled ends the wait, which a blocking call would begin again.
int read_start(const fs::path& file, size_t most, std::string& text) {
  const int fd = open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return errno;
  text.resize(most);
  size_t size = 0;
  int reason = 0;
  for (bool ended = false; !ended && reason == 0 && size < most;) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const ssize_t n = poll(&ready, 1, -1) < 0 ? -1 : read(fd, text.data() + size, most - size);
    ended = n == 0;
    if (n > 0) size += static_cast<size_t>(n);
    if (n < 0 && errno != EAGAIN) reason = errno;
  }
  close(fd);
  text.resize(size);
  return reason;
}

std::optional<std::string> Reader::read_text(const std::string& name, const Place& blame) {
  const fs::path file = name;
  std::error_code error;
  const bool elsewhere = blame.source != name;
  const std::string subject = elsewhere ? quoted(name) : "this";
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    const fs::path folder = file.parent_path();
    const bool no_folder = !folder.empty() && !fs::is_directory(folder, error);
    problems_.add(blame, no_folder ? fmt::format("there is no folder {}", quoted(folder.string()))
                                   : fmt::format("there is no such file{}{}", elsewhere ? " as " + quoted(name) : "",
                                                 nearest_file(file)));
    return {};
  }
  if (status.type() == fs::file_type::directory) {
    problems_.add(blame, fmt::format("{} is a folder, but must be a YAML file", subject));
    return {};
  }
  std::string text;
  if (const int reason = read_start(file, kMostBytes + 1, text); reason != 0) {
    problems_.add(blame, fmt::format("{} cannot be read: {}", subject, std::generic_category().message(reason)));
    return {};
  }
  return text;
}

YamlPtr Reader::parse(const std::string& text, const Source& from) {
  if (text.size() > kMostBytes) {
    problems_.add(from.at({}), fmt::format("more than {} bytes; a configuration is shorter", kMostBytes));
    return nullptr;
  }
  return parse_yaml(text, [&](YamlMark mark, const std::string& what) { problems_.add(from.at(mark), what); });
}

void Reader::add_file(const std::string& name, const std::optional<Place>& extended_at, const std::string* text) {
  std::error_code ignored;
  const fs::path canonical = fs::weakly_canonical(name, ignored);
  const auto again =
      std::find_if(chain_.begin(), chain_.end(), [&](const auto& one) { return one.first == canonical; });
  if (again != chain_.end()) {
    std::string circle;
    for (auto one = again; one != chain_.end(); ++one) circle += one->second + " → ";
    problems_.add(*extended_at, fmt::format("extends goes in a circle: {}{}", circle, again->second));
    return;
  }
  const Source from = source(name, false);
  std::optional<std::string> read;
  if (!text) {
    read = read_text(name, extended_at.value_or(from.at({})));
    if (!read) return;
    text = &*read;
  }
  const YamlPtr root = parse(*text, from);
  if (!root) return;
  if (root->kind == Kind::null) {
    problems_.add(from.at({}), "there is nothing in it; a configuration has sections such as model: and data:");
    return;
  }
  if (root->kind != Kind::map) {
    problems_.add(from.at({1, 1}), fmt::format("this is {}, but a configuration is a mapping with sections such as "
                                               "model: and data:",
                                               described(*root)));
    return;
  }
  for (const YamlPair& pair : root->pairs) {
    if (pair.key != kExtends) continue;
    const YamlNode& base = *pair.value.node;
    if (base.kind != Kind::scalar || base.text.empty()) {
      problems_.add(from.at(pair.value.mark),
                    fmt::format("extends is {}, but must be the name of a file", described(base)));
      continue;
    }
    chain_.emplace_back(canonical, name);
    add_file((fs::path(name).parent_path() / base.text).lexically_normal().string(), from.at(pair.value.mark));
    chain_.pop_back();
  }
  read_mapping(*root, "", from);
  ++layer_;
}

void Reader::add_set(const std::string& argument) {
  const size_t equals = argument.find('=');
  const Source from = source("--set " + argument.substr(0, 200), true);
  if (equals == std::string::npos || equals == 0) {
    problems_.add(from.at({}), "must be key=value, e.g. --set model.width=0.5");
    return;
  }
  const std::string path = argument.substr(0, equals), text = argument.substr(equals + 1);
  if (path == kExtends) {
    problems_.add(from.at({}), "extends stands in a file only");
    return;
  }
  const Field* const field = checked_fields_.find_field(path);
  const size_t first = text.find_first_not_of(' ');
  const bool in_quotes = first != std::string::npos && (text[first] == '"' || text[first] == '\'');
  YamlItem item;
  if (field && std::holds_alternative<std::string*>(field->value) && !in_quotes) {
    // Paths may hold what means something to YAML: they are taken as they are.
    if (!is_utf8(text)) {
      problems_.add(from.at({}), fmt::format("{} is not UTF-8 text", path));
      return;
    }
    item.node = std::make_shared<YamlNode>(YamlNode{.kind = Kind::scalar, .text = text});
  } else {
    item.node = parse(text, from);
    if (!item.node) return;
  }
  read_option(path, {}, item, from);
}

// ---- options

void Reader::read_mapping(const YamlNode& mapping, const std::string& prefix, const Source& from) {
  for (const YamlPair& pair : mapping.pairs)
    if (!prefix.empty() || pair.key != kExtends) read_option(prefix + pair.key, pair.key_mark, pair.value, from);
}

void Reader::read_option(const std::string& path, YamlMark key_mark, const YamlItem& item, const Source& from) {
  if (const Field* const field = checked_fields_.find_field(path)) {
    assign(*field, key_mark, item, from);
  } else if (!checked_fields_.find_section(path)) {
    unknown_keys_.emplace_back(from.at(key_mark), path);
  } else if (item.node->kind == Kind::map) {
    read_mapping(*item.node, path + ".", from);
  } else if (item.node->kind != Kind::null || from.by_set) {
    problems_.add(from.at(item.mark),
                  fmt::format("{} is {}, but must be a mapping of options", path, described(*item.node)));
  }
}

void Reader::assign(const Field& field, YamlMark key_mark, const YamlItem& item, const Source& from) {
  std::vector<Assignment>& all = assignments_[field.path];
  all.push_back({.item = item,
                 .place = from.at(item.mark),
                 .key_place = from.at(key_mark),
                 .layer = layer_,
                 .by_set = from.by_set});
  all.back().valid = read_value(item, field, [&](YamlMark mark, const std::string& what) {
    problems_.add(from.at(mark), fmt::format("{} {}", field.path, what), {field.path});
  });
}

void Reader::report_unknown_keys() {
  constexpr size_t kLongest = 100;
  // A model that this program does not know may have options of its own: then only its name is reported.
  const auto may_be_known_elsewhere = [&](const std::string& path) {
    return std::any_of(fields_.sections().begin(), fields_.sections().end(), [&](const Section& section) {
      return path.starts_with(section.path + ".") && problems_.concerns(section.path + ".name");
    });
  };
  for (const auto& [place, path] : unknown_keys_) {
    const std::string meant = similar_key(checked_fields_, path);
    if (!meant.empty())
      problems_.add(place, fmt::format("unknown key {}; did you mean {}?", quoted(path), meant));
    else if (!may_be_known_elsewhere(path))
      problems_.add(place, fmt::format("unknown key {}{}", quoted(path),
                                       path.size() > kLongest ? "" : valid_keys(checked_fields_, path)));
  }
}

// ---- what follows from all layers

const Assignment* Reader::effective(const std::string& path) const {
  const auto found = assignments_.find(path);
  return found == assignments_.end() ? nullptr : &found->second.back();
}

// Names come first: they say which options there are and what those start from.
void Reader::read_names() {
  for (const Section& section : fields_.sections()) {
    const std::string path = section.path + ".name";
    const Assignment* const name = section.alternatives.empty() ? nullptr : effective(path);
    if (name && name->valid) read_value(name->item, *fields_.find_field(path), [](YamlMark, const std::string&) {});
  }
  for (const OptimizerEntry& entry : optimizer_table())
    if (entry.name == config_.optimizer.name) config_.optimizer = entry.defaults;
}

void Reader::find_data_names() {
  data_names_ = {{-1, DataConfig{}.name}};
  const auto found = assignments_.find("data.name");
  if (found == assignments_.end()) return;
  for (const Assignment& name : found->second) {
    if (!name.valid) continue;
    // Of one layer the last counts: --set takes them in order.
    while (data_names_.back().first == name.layer) data_names_.pop_back();
    if (name.item.node->text != data_names_.back().second) data_names_.emplace_back(name.layer, name.item.node->text);
  }
}

const std::string& Reader::data_name_of(int layer) const {
  const auto later =
      std::find_if(data_names_.begin(), data_names_.end(), [&](const auto& n) { return n.first > layer; });
  return std::prev(later)->second;
}

void Reader::apply(const Field& field, const Assignment& assignment) {
  const std::string where = assignment.key_place.str();
  if (field.rule.of_data && assignment.layer < data_names_.back().first) {
    notes_.push_back(fmt::format("{} describes {}; ignored by {} ({})", field.path, data_name_of(assignment.layer),
                                 data_names_.back().second, where));
    return;
  }
  const Section* section = nullptr;
  const std::vector<std::string> owners = fields_.owners_elsewhere(field.path, section);
  if (owners.empty()) {
    read_value(assignment.item, field, [](YamlMark, const std::string&) {});
  } else if (!problems_.concerns(section->path + ".name")) {
    const std::string owned = fmt::format("{} is an option of {}", field.path, any_of(owners));
    const std::string& name = fields_.selected(*section);
    // --set of what has no effect is a mistake; but a script may pass the same data options for every data set.
    if (assignment.by_set && section->path != "data")
      problems_.add(assignment.place, fmt::format("{}, but {}.name is {}", owned, section->path, name), {field.path});
    else
      notes_.push_back(fmt::format("{}; ignored by {} ({})", owned, name, where));
  }
}

void Reader::check() {
  const auto known = [&](const std::vector<std::string>& paths) {
    return std::none_of(paths.begin(), paths.end(), [&](const std::string& p) { return problems_.concerns(p); });
  };
  const auto assigned = [&](const std::vector<std::string>& paths) -> const Assignment* {
    for (const std::string& path : paths)
      if (const Assignment* const found = effective(path)) return found;
    return nullptr;
  };
  check_together(
      config_,
      [&](const std::vector<std::string>& paths, const std::string& sentence) {
        const Assignment* const at = assigned(paths);
        if (known(paths)) problems_.add(at ? at->place : Place{.source = "configuration"}, sentence);
      },
      [&](const std::vector<std::string>& paths, const std::string& sentence) {
        const Assignment* const at = assigned(paths);
        notes_.push_back(at ? fmt::format("{} ({})", sentence, at->place.str()) : sentence);
      });
}

LoadedConfig Reader::resolve() {
  report_unknown_keys();
  read_names();
  find_data_names();
  for (const Field& field : fields_.fields()) {
    const Assignment* const assignment = effective(field.path);
    if (assignment && assignment->valid) apply(field, *assignment);
  }
  check();
  problems_.raise();
  // Without a budget of time `auto` is a number that is known, so it is the same as that number.
  if (config_.train.hours == 0) config_.train.epochs_set = true;
  return {config_, notes_};
}

LoadedConfig load(Reader& reader, const std::vector<std::string>& overrides) {
  for (const std::string& set : overrides) reader.add_set(set);
  return reader.resolve();
}

}  // namespace

LoadedConfig load_config(const std::string& file, const std::vector<std::string>& overrides) {
  Reader reader;
  reader.add_file(file);
  return load(reader, overrides);
}

LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const std::vector<std::string>& overrides) {
  Reader reader;
  reader.add_file(name, {}, &text);
  return load(reader, overrides);
}

}  // namespace ghost
