#include "nn/state_dict.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/nearest.h"
#include "core/ops/shape_ops.h"

namespace ghost {
namespace {

void collect(Module& module, const std::string& path, std::vector<NamedTensor>& to) {
  for (Parameter& p : module.own_parameters()) to.push_back({join_path(path, p.name), std::move(p.tensor)});
  for (Buffer& b : module.own_buffers()) to.push_back({join_path(path, b.name), std::move(b.tensor)});
  for (const auto& [name, child] : module.children()) collect(*child, join_path(path, name), to);
}

bool may_be_absent(const std::string& name) {
  constexpr std::string_view kCounter = "num_batches_tracked";
  return name.size() >= kCounter.size() && name.compare(name.size() - kCounter.size(), kCounter.size(), kCounter) == 0;
}

Shape pytorch_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }

bool holds_whole_numbers(const Tensor& t) {
  constexpr double kExact = 0x1p53;  // from here on not every whole number is an f64
  const std::vector<double> values = t.to_vector<double>();
  return std::all_of(values.begin(), values.end(),
                     [](double v) { return std::fabs(v) < kExact && v == std::trunc(v); });
}

// A counter is a counter in any type.
bool fits(const Tensor& came, const Tensor& ours) {
  if (!(came.shape() == pytorch_shape(ours.shape()))) return false;
  if (is_floating(ours.dtype())) return is_floating(came.dtype());
  if (ours.dtype() != DType::i64) return came.dtype() == ours.dtype();
  return !is_floating(came.dtype()) || holds_whole_numbers(came);
}

std::string described(const Tensor& t, const Shape& shape) {
  return fmt::format("{} {}", name_of(t.dtype()), shape.str());
}

void list(std::string& text, const char* title, const std::vector<std::string>& names,
          const std::function<std::string(const std::string&)>& remark) {
  if (names.empty()) return;
  text += fmt::format("\n  {} {}:", names.size(), title);
  for (const std::string& name : names) text += "\n    " + printable(name) + remark(name);
}

}  // namespace

Tensor from_pytorch_axes(const Tensor& t) {
  const NoGrad constant;
  return t.rank() == 4 ? permute(t.detach(), {0, 2, 3, 1}).clone() : t.clone();
}
Tensor to_pytorch_axes(const Tensor& t) {
  const NoGrad constant;
  return t.rank() == 4 ? permute(t.detach(), {0, 3, 1, 2}).clone() : t.clone();
}

std::vector<NamedTensor> state_tensors(Module& module) {
  std::vector<NamedTensor> entries;
  collect(module, "", entries);
  return entries;
}

std::vector<NamedTensor> state_dict(Module& module) {
  std::vector<NamedTensor> entries = state_tensors(module);
  for (NamedTensor& e : entries) e.tensor = to_pytorch_axes(e.tensor);
  return entries;
}

LoadReport load_state_dict(Module& module, const std::vector<NamedTensor>& entries, bool strict) {
  const std::vector<NamedTensor> ours = state_tensors(module);
  std::unordered_map<std::string, const Tensor*> came, known;
  for (const NamedTensor& e : entries)
    if (!came.emplace(e.name, &e.tensor).second) fail("load_state_dict: '{}' occurs twice", e.name);
  for (const NamedTensor& e : ours) known.emplace(e.name, &e.tensor);

  LoadReport report;
  std::vector<std::pair<Tensor, const Tensor*>> fitting;  // ours, theirs
  for (const NamedTensor& e : ours) {
    const auto found = came.find(e.name);
    if (found == came.end()) {
      if (!may_be_absent(e.name)) report.missing.push_back(e.name);
    } else if (!fits(*found->second, e.tensor)) {
      report.mismatched.push_back(e.name);
    } else {
      fitting.emplace_back(e.tensor, found->second);
    }
  }
  for (const NamedTensor& e : entries)
    if (!known.count(e.name)) report.unexpected.push_back(e.name);

  if (strict && !(report.missing.empty() && report.unexpected.empty() && report.mismatched.empty())) {
    std::string text = fmt::format("load_state_dict: the entries do not fit {}:", module.kind());
    list(text, "missing", report.missing,
         [&](const std::string& name) { return did_you_mean(name, report.unexpected); });
    list(text, "unexpected", report.unexpected,
         [&](const std::string& name) { return did_you_mean(name, report.missing); });
    list(text, "mismatched", report.mismatched, [&](const std::string& name) {
      const Tensor &theirs = *came.at(name), &mine = *known.at(name);
      return fmt::format(": {}, but the model has {}", described(theirs, theirs.shape()),
                         described(mine, pytorch_shape(mine.shape())));
    });
    throw Error(text);
  }
  for (auto& [mine, theirs] : fitting) mine.copy_from(from_pytorch_axes(*theirs));
  return report;
}

}  // namespace ghost
