#include "train/network/classifier_rows.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/quoted.h"
#include "nn/classifier.h"
#include "train/network/classes.h"

namespace ghost {
namespace {

using Entries = std::vector<NamedTensor>;
using Names = std::vector<std::string>;

template <class Some>
auto* find(Some& entries, const std::string& name) {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return e.name == name; });
  return it == entries.end() ? nullptr : &*it;
}

bool same_but_rows(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() && a.rank() > 0 && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

// The classifier's values: the file's, and those that the model has of its own.
struct Classifier {
  std::string path;
  NamedTensor *weight = nullptr, *bias = nullptr;
  const NamedTensor *own_weight = nullptr, *own_bias = nullptr;
  size_t entries() const { return bias ? 2 : 1; }
  int64_t rows() const { return weight->tensor.size(0); }
  int64_t own_rows() const { return own_weight->tensor.size(0); }
  bool comparable() const {
    if (!weight || !own_weight || !bias != !own_bias) return false;
    if (!same_but_rows(weight->tensor.shape(), own_weight->tensor.shape())) return false;
    return is_floating(weight->tensor.dtype()) && (!bias || bias->tensor.shape() == Shape{rows()});
  }
};

// own, with row `to` of the file's row `from` for each pair (to, from)
Tensor with_rows(const Tensor& own, const Tensor& files, const std::vector<std::pair<int64_t, int64_t>>& rows) {
  Tensor result = own.clone();
  const Tensor from = files.to(own.dtype());
  const int64_t row = own.numel() / own.size(0);
  auto* const values = result.mutable_data<float>();
  for (const auto& [ours, theirs] : rows) std::copy_n(from.data<float>() + theirs * row, row, values + ours * row);
  return result;
}

constexpr size_t kNamed = 10;

ClassifierFit start_anew(const Classifier& c, const std::string& warning) {
  c.weight->tensor = c.own_weight->tensor;
  if (c.bias) c.bias->tensor = c.own_bias->tensor;
  return {.anew = c.entries(), .starts_anew = c.path + " starts", .notes = {}, .warnings = {warning}};
}

ClassifierFit by_name(const Classifier& c, const std::string& file, const Names& theirs, const Names& ours) {
  std::vector<std::pair<int64_t, int64_t>> rows;
  Names anew;
  for (size_t i = 0; i < ours.size(); ++i) {
    const auto found = std::find(theirs.begin(), theirs.end(), ours[i]);
    // What two rows are called is the name of neither.
    if (found == theirs.end() || std::find(found + 1, theirs.end(), ours[i]) != theirs.end())
      anew.push_back(ours[i]);
    else
      rows.emplace_back(static_cast<int64_t>(i), found - theirs.begin());
  }
  if (rows.empty())
    return start_anew(c, message_of("{}: knows none of the {} classes of the data ({}), but {} others ({}), so {} "
                                    "starts anew and only the rest is the file's",
                                    file, ours.size(), quoted_names(ours, kNamed), theirs.size(),
                                    quoted_names(theirs, kNamed), c.path));
  ClassifierFit fit;
  c.weight->tensor = with_rows(c.own_weight->tensor, c.weight->tensor, rows);
  if (c.bias) c.bias->tensor = with_rows(c.own_bias->tensor, c.bias->tensor, rows);
  if (anew.empty()) {
    fit.notes.push_back(message_of("{}: the rows of {} are taken over by name: its {} classes are {}", file, c.path,
                                   theirs.size(),
                                   theirs.size() > ours.size() ? message_of("more than the {} of the data", ours.size())
                                                               : "in another order than those of the data"));
    return fit;
  }
  const bool one = anew.size() == 1;
  fit.starts_anew = message_of("the {} of {} in {} {}", one ? "row" : "rows", quoted_names(anew, kNamed), c.path,
                               one ? "starts" : "start");
  fit.warnings.push_back(
      message_of("{}: the rows of {} are taken over by name for {} of the {} classes of the data; {} "
                 "{} anew, because the file does not know {}",
                 file, c.path, rows.size(), ours.size(), quoted_names(anew, kNamed), one ? "starts" : "start",
                 one ? "it" : "them"));
  return fit;
}

ClassifierFit by_position(const Classifier& c, const std::string& file, const Names& ours) {
  ClassifierFit fit;
  fit.notes.push_back(message_of("{}: does not name its classes, so {} is taken over by position: {}", file, c.path,
                                 classes_by_position(ours)));
  if (const std::string warning = other_order_warning(file, ours); !warning.empty()) fit.warnings.push_back(warning);
  return fit;
}

}  // namespace

ClassifierFit fit_classifier(Module& model, const Entries& ours, Entries& entries, const std::string& file,
                             const Names& file_classes, const Names& our_classes) {
  Classifier c{.path = classifier_of(model)};
  c.weight = find(entries, join_path(c.path, "weight")), c.bias = find(entries, join_path(c.path, "bias"));
  c.own_weight = find(ours, join_path(c.path, "weight")), c.own_bias = find(ours, join_path(c.path, "bias"));
  if (!c.comparable()) return {};
  const bool named = !file_classes.empty() && std::ssize(file_classes) <= c.rows() && !our_classes.empty() &&
                     std::ssize(our_classes) <= c.own_rows();
  const bool as_many = c.rows() == c.own_rows();
  if (named && as_many && file_classes == our_classes) return {};
  if (named) return by_name(c, file, file_classes, our_classes);
  if (!as_many)
    return start_anew(c, message_of("{}: has {} classes and this model {}, so {} starts anew and only the rest is the "
                                    "file's",
                                    file, c.rows(), c.own_rows(), c.path));
  return our_classes.empty() ? ClassifierFit{} : by_position(c, file, our_classes);
}

}  // namespace ghost
