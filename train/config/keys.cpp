#include "train/config/keys.h"

#include "core/nearest.h"

namespace ghost {
namespace {

std::string leaf_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}
std::string section_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::vector<std::string> all_keys(const Description& known) {
  std::vector<std::string> keys;
  for (const Field& field : known.fields()) keys.push_back(field.path);
  for (const Section& section : known.sections()) keys.push_back(section.path);
  return keys;
}

std::vector<std::string> keys_in(const Description& known, const std::string& section) {
  std::vector<std::string> keys;
  for (const std::string& key : all_keys(known))
    if (section_of(key) == section) keys.push_back(leaf_of(key));
  if (section.empty()) keys.emplace_back(kExtends);
  return keys;
}

}  // namespace

std::string similar_key(const Description& known, const std::string& path) {
  constexpr size_t kLongest = 100, kFew = 3;
  if (path.size() > kLongest) return "";
  const std::string section = section_of(path), leaf = leaf_of(path);
  const std::vector<std::string> all = all_keys(known), siblings = keys_in(known, section);
  std::vector<std::string> namesakes;
  for (const std::string& key : all)
    if (leaf_of(key) == leaf) namesakes.push_back(key);
  if (!namesakes.empty() && namesakes.size() <= kFew) return any_of(namesakes);
  const std::string near = nearest(leaf, siblings);
  if (!near.empty()) return section.empty() ? near : section + "." + near;
  return siblings.empty() ? nearest(path, all) : "";
}

std::string valid_keys(const Description& known, const std::string& path) {
  const std::string section = section_of(path);
  const std::vector<std::string> keys = keys_in(known, section);
  return keys.empty() ? "" : fmt::format("; {} {}", section.empty() ? "there are" : section + " has", any_of(keys));
}

}  // namespace ghost
