#include "train/network/pretrained.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <set>

#include "core/nearest.h"
#include "nn/classifier.h"
#include "nn/finite.h"
#include "nn/state_dict.h"
#include "train/run/run_dir.h"
#include "train/run/sections.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using Entries = std::vector<NamedTensor>;

// torch.save writes a zip archive, or a bare pickle (protocols 2 to 5) in old versions.
bool is_of_torch_save(const fs::path& file) {
  std::array<unsigned char, 4> start{};
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(start.data()), start.size());
  const bool zip = start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4;
  return zip || (start[0] == 0x80 && start[1] >= 2 && start[1] <= 5);
}

std::string lines_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "\n    " + name;
  return text;
}

std::string counted(size_t n, const char* noun = "entr") {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "y" : "ies");
}

// Takes out the entries for which `leave` holds; their names.
template <class Leave>
std::vector<std::string> take_out(Entries& entries, const Leave& leave) {
  std::vector<std::string> names;
  std::erase_if(entries, [&](const NamedTensor& e) {
    if (!leave(e.name)) return false;
    names.push_back(e.name);
    return true;
  });
  return names;
}

bool is_leftover(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: all of it
  return last == "total_ops" || last == "total_params";
}

std::vector<std::string> keep_below(Entries& entries, std::string prefix, const std::string& file) {
  if (!prefix.ends_with('.')) prefix += '.';
  std::vector<std::string> first;
  for (const NamedTensor& e : entries)
    if (const std::string part = e.name.substr(0, e.name.find('.'));
        std::find(first.begin(), first.end(), part) == first.end())
      first.push_back(part);
  std::vector<std::string> outside =
      take_out(entries, [&](const std::string& name) { return !name.starts_with(prefix); });
  if (entries.empty())
    fail("{}: no entry begins with '{}'; its entries begin with {}{}", file, prefix, any_of(first),
         did_you_mean(prefix.substr(0, prefix.size() - 1), first));
  for (NamedTensor& e : entries) e.name.erase(0, prefix.size());
  return outside;
}

// What wrappers have put before every name; "module.model."
std::string strip_wrappers(Entries& entries, const std::set<std::string>& own) {
  struct Wrapper {
    std::string name;
    bool must_be_shared;
  };
  static const std::vector<Wrapper> wrappers{
      {"module.", false}, {"_orig_mod.", false}, {"model.", true}, {"state_dict.", true}};
  std::string stripped;
  for (bool again = true; again;) {
    again = false;
    for (const auto& [wrapper, must_be_shared] : wrappers) {
      const auto wrapped = [&w = wrapper](const std::string& name) { return name.starts_with(w); };
      if (std::any_of(own.begin(), own.end(), wrapped)) continue;
      const auto count =
          std::count_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return wrapped(e.name); });
      if (count == 0 || (must_be_shared && count != std::ssize(entries))) continue;
      for (NamedTensor& e : entries)
        if (wrapped(e.name)) e.name.erase(0, wrapper.size());
      stripped += wrapper, again = true;
    }
  }
  return stripped;
}

NamedTensor* find(Entries& entries, const std::string& name) {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return e.name == name; });
  return it == entries.end() ? nullptr : &*it;
}

bool differ_in_first_only(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() && a.rank() > 0 && a[0] != b[0] && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

struct NewClassifier {
  std::string path;
  int64_t classes = 0, own_classes = 0;
  size_t entries = 0;  // weight, or weight and bias
};

// Puts the model's own values in the place of a classifier for another number of classes; empty: there is none such.
std::optional<NewClassifier> keep_own_classifier(Module& model, Entries& ours, Entries& entries) {
  const std::string path = classifier_of(model);
  NamedTensor *weight = find(entries, join_path(path, "weight")), *bias = find(entries, join_path(path, "bias")),
              *own_weight = find(ours, join_path(path, "weight")), *own_bias = find(ours, join_path(path, "bias"));
  if (!weight || !own_weight || !bias != !own_bias) return {};
  if (!differ_in_first_only(weight->tensor.shape(), own_weight->tensor.shape())) return {};
  const int64_t classes = weight->tensor.size(0);
  if (bias && !(bias->tensor.shape() == Shape{classes})) return {};
  weight->tensor = own_weight->tensor;
  if (bias) bias->tensor = own_bias->tensor;
  return NewClassifier{path, classes, own_weight->tensor.size(0), bias ? size_t{2} : size_t{1}};
}

// Images of other channels than the file's: the one mismatch with a simple way out.
std::string channels_hint(const Entries& ours, Entries& entries) {
  for (const NamedTensor& e : ours) {
    if (e.tensor.rank() != 4) continue;
    const NamedTensor* const came = find(entries, e.name);
    if (!came || came->tensor.rank() != 4 || came->tensor.size(1) == e.tensor.size(1)) return "";
    return fmt::format(
        "\n  The file's first convolution takes {} channels: set data.channels to {}, and images are converted",
        came->tensor.size(1), came->tensor.size(1));
  }
  return "";
}

void require_finite(const Entries& entries, const std::string& file) {
  for (const NamedTensor& e : entries)
    if (!all_finite(e.tensor)) fail("{}: entry {} has values that are NaN or infinite", file, e.name);
}

// The entries that are meant for the model, as it calls them; what was done for that goes to `notes`.
Entries under_our_names(const WeightsFile& file, const Entries& ours, const std::string& prefix,
                        std::vector<std::string>& notes) {
  Entries entries = file.entries;
  std::set<std::string> own;
  for (const NamedTensor& e : ours) own.insert(e.name);
  const auto passed_over = [&](const std::string& what, const std::vector<std::string>& names) {
    if (!names.empty())
      notes.push_back(fmt::format("{}: passed over {} {}:{}", file.name, counted(names.size()), what, lines_of(names)));
  };
  const std::vector<TensorSection> sections = tensor_sections();
  for (const TensorSection& section : sections) {
    if (section.read_by == ReadBy::everyone) continue;
    const auto state = take_out(entries, [&](const std::string& name) {
      return section_of(sections, name).name == section.name && !own.count(name);
    });
    if (!state.empty())
      notes.push_back(fmt::format("{}: passed over {} of {} ({}*)", file.name, counted(state.size()), section.what,
                                  section.prefix));
  }
  if (!prefix.empty()) passed_over("outside of the prefix", keep_below(entries, prefix, file.name));
  passed_over("of a profiler",
              take_out(entries, [&](const std::string& name) { return is_leftover(name) && !own.count(name); }));
  const std::string stripped = strip_wrappers(entries, own);
  if (!stripped.empty())
    notes.push_back(fmt::format("{}: took '{}' off the names of its entries", file.name, stripped));
  return entries;
}

}  // namespace

WeightsFile read_weights(const fs::path& given) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(given, ignored);
  if (is_folder && !holds_run(given)) fail("{}: is a folder, but must be a safetensors file or a run", given.string());
  const fs::path file = is_folder ? checkpoint_file(given.string()) : given;
  try {
    SafetensorsFile read = read_safetensors(file);
    return {file.string(), std::move(read.tensors), std::move(read.metadata)};
  } catch (const Error&) {
    if (!is_of_torch_save(file)) throw;
    fail("{}: this was written by torch.save; `tools/pth-to-safetensors {} {}` makes a safetensors file of it",
         file.string(), file.string(), fs::path(file).replace_extension(".safetensors").string());
  }
}

WeightsReport load_weights(Module& model, const WeightsFile& file, const WeightsOptions& options) {
  WeightsReport report;
  Entries ours = state_dict(model), entries = under_our_names(file, ours, options.prefix, report.notes);
  require_finite(entries, file.name);
  const auto classifier = options.new_classifier ? keep_own_classifier(model, ours, entries) : std::nullopt;
  if (classifier)
    report.warnings.push_back(
        fmt::format("{}: has {} classes and this model {}, so {} starts anew and only the rest is the file's",
                    file.name, classifier->classes, classifier->own_classes, classifier->path));

  LoadReport rest;
  try {
    rest = load_state_dict(model, entries, options.strict);
  } catch (const Error& e) {
    fail("{}: {}{}{}", file.name, e.what(), channels_hint(ours, entries),
         options.how_to_be_lenient.empty() ? "" : fmt::format("\n  {} loads what fits", options.how_to_be_lenient));
  }
  const size_t loaded =
      entries.size() - rest.unexpected.size() - rest.mismatched.size() - (classifier ? classifier->entries : 0);
  if (loaded == 0)
    fail("{}: none of its {} fits {}: it has {}, …, and the model {}, …", file.name, counted(entries.size()),
         model.kind(), entries.empty() ? "nothing" : entries.front().name, ours.front().name);
  const auto left = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty())
      report.warnings.push_back(fmt::format("{}: {} {}:{}", file.name, counted(names.size()), what, lines_of(names)));
  };
  left("of the model not in it, which keep their initial values", rest.missing);
  left("that the model does not have", rest.unexpected);
  left("of another shape, which keep their initial values", rest.mismatched);
  report.notes.push_back(fmt::format("{}: loaded {} into {}", file.name, counted(loaded), model.kind()));
  return report;
}

NetworkSizes sizes_in(const WeightsFile& file, const ModelConfig& config, const WeightsOptions& options) {
  const ModulePtr model = build_model(config, 0);
  std::vector<std::string> ignored;
  const Entries ours = state_dict(*model);
  Entries entries = under_our_names(file, ours, options.prefix, ignored);
  NetworkSizes sizes{config.num_classes, config.in_channels};
  if (const NamedTensor* const weight = find(entries, join_path(classifier_of(*model), "weight"));
      weight && weight->tensor.rank() >= 2)
    sizes.num_classes = weight->tensor.size(0);
  const auto stem = std::find_if(ours.begin(), ours.end(), [](const NamedTensor& e) { return e.tensor.rank() == 4; });
  if (const NamedTensor* const weight = stem == ours.end() ? nullptr : find(entries, stem->name);
      weight && weight->tensor.rank() == 4)
    sizes.in_channels = config.in_channels * weight->tensor.size(1) / stem->tensor.size(1);  // one group or several
  return sizes;
}

}  // namespace ghost
