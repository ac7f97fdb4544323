#include "reference/case.h"

#include <algorithm>
#include <fstream>

#include "core/safetensors.h"
#include "reference/hashed.h"

namespace ghost::reference {
namespace {

const Json& member(const Json& object, const char* key, const std::string& where) {
  if (!object.is_object() || !object.contains(key)) fail("{} has no \"{}\"", where, key);
  return object.at(key);
}

}  // namespace

Json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) fail("cannot read {}", file.string());
  try {
    return Json::parse(stream);
  } catch (const Json::exception& e) {
    fail("{}: {}", file.string(), e.what());
  }
}

Case::Case(const std::filesystem::path& directory, const std::string& name) : directory_(directory), name_(name) {
  const std::filesystem::path json_file = directory / (name + ".json");
  const SafetensorsFile file = read_safetensors(directory / (name + ".safetensors"));
  if (std::filesystem::exists(json_file)) {
    info_ = read_json(json_file);
  } else {
    if (!file.metadata.contains("case")) fail("{} has neither a JSON file nor metadata \"case\"", name);
    info_ = Json::parse(file.metadata.at("case"));
  }
  kind_ = member(info_, "kind", name).get<std::string>();
  op_ = member(info_, "op", name).get<std::string>();
  args_ = Args(nlohmann::json(member(info_, "args", name)));
  // A text is for people, and some have none: the check of such a kind knows how exact it is.
  if (info_.contains("tolerance") && info_.at("tolerance").is_object()) read_tolerance(info_.at("tolerance"));
  read_tensors(file);
}

// Those of the file, in the order of the description where it lists them, and those that are made by formula.
void Case::read_tensors(const SafetensorsFile& file) {
  for (const NamedTensor& entry : file.tensors) tensors_.emplace(entry.name, entry.tensor);
  const Json nothing = Json::object();
  for (const auto& [tensor, described] : (info_.contains("tensors") ? info_.at("tensors") : nothing).items()) {
    const auto found = tensors_.find(tensor);
    if (found == tensors_.end()) fail("{} describes {}, but the file has no such tensor", name_, tensor);
    const Json& stored = described.is_array() ? described : described.at("shape");
    const Shape shape(stored.get<std::vector<int64_t>>());
    if (!(found->second.shape() == shape))
      fail("{} says {} has shape {}, but in the file it is {}", name_, tensor, shape.str(),
           found->second.shape().str());
    order_.push_back(tensor);
  }
  for (const NamedTensor& entry : file.tensors)
    if (std::find(order_.begin(), order_.end(), entry.name) == order_.end()) order_.push_back(entry.name);
  for (const auto& [tensor, described] : (info_.contains("hashed") ? info_.at("hashed") : nothing).items()) {
    const Shape shape(described.at("shape").get<std::vector<int64_t>>());
    const auto dtype = described.at("dtype").get<std::string>();
    tensors_.emplace(tensor, hashed_tensor(tensor, dtype, shape, described.value("below", int64_t{0})));
    order_.push_back(tensor);
  }
}

void Case::read_tolerance(const Json& tolerance) {
  if (!tolerance.contains("rtol")) return;  // one for each part of a network (family.cpp)
  const auto rule = [](const Json& json) { return Rule{json.at("rtol").get<double>(), json.at("atol").get<double>()}; };
  base_ = rule(tolerance);
  if (tolerance.contains("overrides"))
    for (const auto& [tensor, json] : tolerance.at("overrides").items()) overrides_[tensor] = rule(json);
  if (tolerance.contains("prefixes"))
    for (const Json& json : tolerance.at("prefixes"))
      if (!json.at("rtol").is_null()) prefixes_.emplace_back(json.at("prefix").get<std::string>(), rule(json));
}

const Tensor& Case::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail("the case has no tensor {}", name);
  used_.insert(name);
  return found->second;
}

std::vector<std::string> Case::below(const std::string& prefix) const {
  std::vector<std::string> names;
  for (const std::string& name : order_)
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  return names;
}

std::vector<NamedTensor> Case::state_dict(Module& module, const std::string& prefix) const {
  std::vector<NamedTensor> entries;
  if (info_.contains("hashed_state_dict") && info_.at("hashed_state_dict").get<bool>()) {
    for (const NamedTensor& entry : ghost::state_dict(module))
      entries.push_back({entry.name, hashed_entry(entry.name, entry.tensor.shape())});
  } else {
    for (const std::string& name : below(prefix)) entries.push_back({name, tensor(prefix + name)});
  }
  return entries;
}

double Case::allowed(const std::string& tensor, double largest_reference) const {
  double loosest = -1;
  if (const auto found = overrides_.find(tensor); found != overrides_.end())
    loosest = found->second.allowed(largest_reference);
  for (const auto& [prefix, rule] : prefixes_)
    if (tensor.starts_with(prefix)) loosest = std::max(loosest, rule.allowed(largest_reference));
  return loosest >= 0 ? loosest : base_.allowed(largest_reference);
}

double Case::largest_own_rtol(const std::string& beginning, const std::string& end) const {
  double largest = 0;
  for (const auto& [tensor, rule] : overrides_)
    if (tensor.starts_with(beginning) && tensor.ends_with(end)) largest = std::max(largest, rule.rtol);
  return largest;
}

std::vector<std::string> Case::unread() const {
  std::vector<std::string> names;
  for (const std::string& name : args_.unread()) names.push_back("argument " + name);
  for (const std::string& name : order_)
    if (!used_.contains(name)) names.push_back("tensor " + name);
  return names;
}

std::vector<IndexEntry> read_index(const std::filesystem::path& directory) {
  const std::string file = (directory / "index.json").string();
  const Json index = read_json(file);
  std::vector<IndexEntry> entries;
  std::set<std::string> seen;
  for (const Json& entry : member(index, "cases", file)) {
    entries.push_back({member(entry, "name", file).get<std::string>(), member(entry, "kind", file).get<std::string>()});
    if (!seen.insert(entries.back().name).second) fail("{} lists {} twice", file, entries.back().name);
  }
  if (entries.empty()) fail("{} lists no cases", file);
  if (index.contains("counts"))
    for (const auto& [folder, count] : index.at("counts").items()) {
      const auto listed = std::count_if(entries.begin(), entries.end(),
                                        [&](const IndexEntry& e) { return e.name.starts_with(folder + "/"); });
      if (listed != count.get<int64_t>())
        fail("{} counts {} {} cases, but lists {}", file, count.dump(), folder, listed);
    }
  return entries;
}

}  // namespace ghost::reference
