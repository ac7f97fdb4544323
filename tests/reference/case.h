// One case of a reference directory: arguments, tensors in PyTorch's axes, and how far a result may lie from them. The
// format is described in tests/golden/README.md.
#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/state_dict.h"
#include "reference/args.h"
#include "reference/layout.h"

namespace ghost::reference {

// JSON with its members in the order of the file: the order of tensors and of state dicts is part of the reference.
using Json = nlohmann::ordered_json;
Json read_json(const std::filesystem::path& file);  // throws Error naming the file

class Case {
 public:
  // <directory>/<name>.safetensors and its description: <name>.json, or without that the file's metadata "case". Throws
  // Error if something is missing or broken.
  Case(const std::filesystem::path& directory, const std::string& name);

  const std::string& name() const { return name_; }  // "ops/conv2d_k3_p1"
  const std::string& kind() const { return kind_; }  // "op"
  const std::string& op() const { return op_; }
  const Args& args() const { return args_; }
  const Json& info() const { return info_; }  // the whole description
  const std::filesystem::path& directory() const { return directory_; }

  bool has(const std::string& tensor) const { return tensors_.contains(tensor); }
  // In PyTorch's axes. Throws Error if there is none; remembers that it was used.
  const Tensor& tensor(const std::string& name) const;
  // Names under a prefix that ends in '/', without it, in order of the JSON: below("grad/") gives "fc.weight", …
  std::vector<std::string> below(const std::string& prefix) const;
  // The entries of a state dict stored under a prefix. A case may leave its values to hashed.h ("hashed_state_dict"):
  // then `module` says which entries there are.
  std::vector<NamedTensor> state_dict(Module& module, const std::string& prefix = "state_dict/") const;
  void ignore(const std::string& tensor) const { used_.insert(tensor); }  // stored for people only

  // The largest |a − ref| that passes for this tensor: rtol · max|ref| + atol by the case's rules. The rules for a name
  // go before those of the case; where several apply, the loosest counts.
  double allowed(const std::string& tensor, double largest_reference) const;
  // The largest rtol that single tensors with this beginning and end have of their own; 0 if none has.
  double largest_own_rtol(const std::string& beginning, const std::string& end) const;

  // Tensors and arguments that no check has looked at.
  std::vector<std::string> unread() const;

 private:
  struct Rule {
    double rtol = 0, atol = 0;
    double allowed(double largest) const { return rtol * largest + atol; }
  };
  void read_tolerance(const Json& tolerance);
  void read_tensors(const SafetensorsFile& file);

  std::filesystem::path directory_;
  std::string name_, kind_, op_;
  Json info_;
  Args args_;
  std::vector<std::string> order_;
  std::map<std::string, Tensor> tensors_;
  mutable std::set<std::string> used_;
  Rule base_;
  std::map<std::string, Rule> overrides_;
  std::vector<std::pair<std::string, Rule>> prefixes_;
};

// One line of index.json.
struct IndexEntry {
  std::string name, kind;
};
std::vector<IndexEntry> read_index(const std::filesystem::path& directory);  // throws Error naming what is wrong

}  // namespace ghost::reference
