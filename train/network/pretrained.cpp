#include "train/network/pretrained.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "core/nearest.h"
#include "nn/classifier.h"
#include "nn/finite.h"
#include "nn/state_dict.h"
#include "train/network/classifier_rows.h"
#include "train/network/foreign_files.h"
#include "train/network/weight_axes.h"
#include "train/run/checkpoint.h"
#include "train/run/run_dir.h"

namespace ghost {
namespace {

namespace fs = std::filesystem;
using Entries = std::vector<NamedTensor>;

std::string lines_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "\n    " + printable(name);
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

// What tools leave behind in a state dict, by the last part of its name.
struct Leftovers {
  std::string of;
  std::set<std::string> names;
};
const std::vector<Leftovers>& leftovers() {
  static const std::vector<Leftovers> all{{"of a profiler", {"total_ops", "total_params"}},
                                          {"of averaged weights", {"n_averaged"}}};
  return all;
}
std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);  // npos + 1 is 0: all of it
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

// Of an entry that was not read; renaming has only taken something off its front.
std::string type_of(const WeightsFile& file, const std::string& name) {
  for (const UnreadTensor& t : file.unread)
    if (t.name.ends_with(name)) return t.dtype;
  return "another type";
}

// Entries that cannot be weights of the model: of types that are not read, and integers. A batch norm's counter goes
// with the batch norm.
void pass_over_what_is_no_weight(const WeightsFile& file, Entries& entries, const std::set<std::string>& own,
                                 std::vector<std::string>& notes) {
  std::vector<std::string> unread, integers;
  std::erase_if(entries, [&](const NamedTensor& e) {
    const bool wanted = own.contains(e.name), read = e.tensor.defined();
    if (wanted && !read)
      fail("{}: entry {} is of type {}, which cannot be read: save it as F32, F16 or BF16", file.name, e.name,
           type_of(file, e.name));
    if (wanted || (read && (is_floating(e.tensor.dtype()) || last_part(e.name) == "num_batches_tracked"))) return false;
    (read ? integers : unread).push_back(e.name);
    return true;
  });
  if (!integers.empty())
    notes.push_back(message_of("{}: passed over {} of integers, which the model does not have:", file.name,
                               counted(integers.size())) +
                    lines_of(integers));
  if (!unread.empty())
    notes.push_back(message_of("{}: passed over {} of a type that cannot be read, which the model does not have:",
                               file.name, counted(unread.size())) +
                    lines_of(unread));
}

// The entries that are meant for the model, as it calls them; what was done for that goes to `notes`.
Entries under_our_names(const WeightsFile& file, const Entries& ours, const std::string& prefix,
                        std::vector<std::string>& notes) {
  Entries entries = file.entries;
  for (const UnreadTensor& t : file.unread) entries.push_back({t.name, {}});
  std::set<std::string> own;
  for (const NamedTensor& e : ours) own.insert(e.name);
  const auto passed_over = [&](const std::string& what, const std::vector<std::string>& names) {
    if (!names.empty())
      notes.push_back(message_of("{}: passed over {} {}:", file.name, counted(names.size()), what) + lines_of(names));
  };
  const std::vector<TensorSection> sections = tensor_sections();
  for (const TensorSection& section : sections) {
    if (section.read_by == ReadBy::everyone) continue;
    const auto state = take_out(entries, [&](const std::string& name) {
      return section_of(sections, name).name == section.name && !own.count(name);
    });
    if (!state.empty())
      notes.push_back(
          message_of("{}: passed over {} of {} ({}*)", file.name, counted(state.size()), section.what, section.prefix));
  }
  if (!prefix.empty()) passed_over("outside of the prefix", keep_below(entries, prefix, file.name));
  for (const auto& [of, names] : leftovers())
    passed_over(of, take_out(entries, [&, &n = names](const std::string& name) {
                  return n.contains(last_part(name)) && !own.contains(name);
                }));
  const std::string stripped = strip_wrappers(entries, own);
  if (!stripped.empty()) notes.push_back(message_of("{}: took '{}' off the names of its entries", file.name, stripped));
  pass_over_what_is_no_weight(file, entries, own, notes);
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
    return {file.string(), std::move(read.tensors), std::move(read.metadata), std::move(read.unread)};
  } catch (const Error&) {
    if (const std::string what = what_it_is_instead(file); !what.empty()) fail("{}: {}", file.string(), what);
    throw;
  }
}

WeightsReport load_weights(Module& model, const WeightsFile& file, const WeightsOptions& options) {
  WeightsReport report;
  Entries ours = state_dict(model), entries = under_our_names(file, ours, options.prefix, report.notes);
  require_finite(entries, file.name);
  ClassifierFit classifier;
  if (options.new_classifier)
    classifier = fit_classifier(model, ours, entries, file.name,
                                read_network_metadata(file.name, file.metadata).classes, options.classes);
  report.notes.insert(report.notes.end(), classifier.notes.begin(), classifier.notes.end());
  report.warnings = classifier.warnings;
  report.new_in_classifier = classifier.starts_anew;
  if (const std::string axes = other_axes(ours, entries); !axes.empty()) fail("{}: {}", file.name, axes);

  LoadReport rest;
  try {
    rest = load_state_dict(model, entries, options.strict);
  } catch (const Error& e) {
    // In lines: e lists the entries, a line each.
    throw Error(fmt::format(
        "{}: {}{}{}", printable(file.name), e.what(), channels_hint(ours, entries),
        options.how_to_be_lenient.empty() ? "" : fmt::format("\n  {} loads what fits", options.how_to_be_lenient)));
  }
  const size_t loaded = entries.size() - rest.unexpected.size() - rest.mismatched.size() - classifier.anew;
  if (loaded == 0)
    fail("{}: none of its {} fits {}: it has {}, …, and the model {}, …", file.name, counted(entries.size()),
         model.kind(), entries.empty() ? "nothing" : entries.front().name, ours.front().name);
  const auto left = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty())
      report.warnings.push_back(message_of("{}: {} {}:", file.name, counted(names.size()), what) + lines_of(names));
  };
  left("of the model not in it, which keep their initial values", rest.missing);
  left("that the model does not have", rest.unexpected);
  left("of another shape, which keep their initial values", rest.mismatched);
  report.initial = rest.missing;
  report.initial.insert(report.initial.end(), rest.mismatched.begin(), rest.mismatched.end());
  report.notes.push_back(message_of("{}: loaded {} into {}", file.name, counted(loaded), model.kind()));
  return report;
}

std::string frozen_at_random(Module& model, const WeightsReport& report) {
  const std::string path = classifier_of(model);
  const auto starts_anew = [&](const std::string& name) {
    return (!report.new_in_classifier.empty() && name.starts_with(path + ".")) ||
           std::find(report.initial.begin(), report.initial.end(), name) != report.initial.end();
  };
  std::vector<std::string> frozen;
  for (const Parameter& p : model.parameters()) {
    if (p.tensor.requires_grad() || !starts_anew(p.name)) continue;
    if (p.name == join_path(path, "weight"))
      fail_usage("train.freeze: {} is frozen, but {} at random values and has to learn: take {} out of train.freeze",
                 path, report.new_in_classifier.empty() ? path + " starts" : report.new_in_classifier, path);
    frozen.push_back(p.name);
  }
  if (frozen.empty()) return {};
  return fmt::format("train.freeze keeps {} at their initial values, because they are not the file's:{}",
                     counted(frozen.size()), lines_of(frozen));
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
