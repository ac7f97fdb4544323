// Labels and probabilities share one form: loss(n) = Σ_k t(n, k) · −log_softmax(z)(n, k) with t weighted by class and
// smoothed, so dz(n, k) = p(n, k) · Σ t(n) − t(n, k). A row of t is made where it is needed.
#include "core/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/op_case.h"
#include "core/ops/cast.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// Everything but the logits; in f64.
struct Targets {
  int64_t classes = 0;
  std::vector<int64_t> labels;   // (N), or empty: probabilities
  BodyPtr probabilities;         // (N, K), or null
  std::vector<double> weight;    // (K)
  std::vector<double> smoothed;  // (K): s/K · weight, what smoothing gives to each class
  double keep = 1;               // 1 − s
  int64_t ignore_index = 0;

  bool ignored(int64_t n) const { return !labels.empty() && labels[static_cast<size_t>(n)] == ignore_index; }

  // t(n, ·); all zero for an ignored sample
  template <class T>
  void row(int64_t n, double* t) const {
    if (ignored(n)) return (void)std::fill_n(t, classes, 0.0);
    std::copy(smoothed.begin(), smoothed.end(), t);
    if (!labels.empty()) {
      const auto label = static_cast<size_t>(labels[static_cast<size_t>(n)]);
      t[label] += keep * weight[label];
      return;
    }
    const T* p = values(probabilities).view<T>().pixel(n);
    for (int64_t k = 0; k < classes; k++) t[k] += keep * weight[static_cast<size_t>(k)] * static_cast<double>(p[k]);
  }
};

// log Σ eᶻ
template <class T>
double log_sum_exp(const T* z, int64_t k) {
  const double top = *std::max_element(z, z + k);
  double total = 0;
  for (int64_t i = 0; i < k; i++) total += std::exp(z[i] - top);
  return top + std::log(total);
}

class CrossEntropyNode final : public Node {
 public:
  // factor: what each sample's loss is multiplied by in the result
  CrossEntropyNode(const BodyPtr& logits, Targets targets, double factor, bool per_sample)
      : targets_(std::move(targets)), factor_(factor), per_sample_(per_sample) {
    save(logits);
    if (targets_.probabilities) save(targets_.probabilities);
  }
  const char* name() const override { return "cross_entropy"; }
  void backward(Gradient gy) override {
    const Array g = packed(materialise(std::move(gy)).g);
    const Array& z = values(saved(0, "the logits"));
    if (targets_.probabilities) saved(1, "the target");
    with_floating(g.dtype, name(), [&]<class T>() {
      if (GradSink* to = sink_of(0)) write<T>(*to, z, [&](int64_t n, double* out) { logit_row<T>(z, g, n, out); });
      if (GradSink* to = sink_of(1)) write<T>(*to, z, [&](int64_t n, double* out) { target_row<T>(z, g, n, out); });
    });
    targets_ = {};
  }

 private:
  template <class T>
  double upstream(const Array& g, int64_t n) const {
    return factor_ * static_cast<double>(g.data<T>()[per_sample_ ? n : 0]);
  }
  template <class T>
  void logit_row(const Array& z, const Array& g, int64_t n, double* out) const {
    const int64_t k = targets_.classes;
    targets_.row<T>(n, out);
    // an ignored sample has no gradient, whatever its logits are
    if (targets_.ignored(n)) return;
    const T* from = z.view<T>().pixel(n);
    const double scale = upstream<T>(g, n), lse = log_sum_exp(from, k);
    double total = 0;
    for (int64_t i = 0; i < k; i++) total += out[i];
    for (int64_t i = 0; i < k; i++) out[i] = scale * (std::exp(from[i] - lse) * total - out[i]);
  }
  template <class T>
  void target_row(const Array& z, const Array& g, int64_t n, double* out) const {
    const T* from = z.view<T>().pixel(n);
    const double scale = upstream<T>(g, n) * targets_.keep, lse = log_sum_exp(from, targets_.classes);
    for (int64_t i = 0; i < targets_.classes; i++)
      out[i] = scale * targets_.weight[static_cast<size_t>(i)] * (lse - from[i]);
  }
  template <class T, class Row>
  void write(GradSink& sink, const Array& z, Row row) const {
    const auto slot = sink.open(z.shape, z.dtype);
    const View<T> to = slot.to.view<T>();
    parallel_chunks(to.pixels(), chunk_count(to.pixels()), [&](int64_t, int64_t begin, int64_t end) {
      std::vector<double> line(static_cast<size_t>(targets_.classes));
      for (int64_t n = begin; n < end; n++) {
        row(n, line.data());
        T* d = to.pixel(n);
        for (int64_t i = 0; i < targets_.classes; i++)
          d[i] = static_cast<T>(line[static_cast<size_t>(i)] + (slot.accumulate ? static_cast<double>(d[i]) : 0));
      }
    });
    sink.close();
  }

  Targets targets_;
  double factor_;
  bool per_sample_;
};

Targets checked(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& o) {
  const char* op = "cross_entropy";
  logits.require_defined(op, "the logits"), target.require_defined(op, "the target");
  if (logits.rank() != 2 || logits.size(1) < 1)
    fail("{}: logits are {}, but must be (N, K) with at least one class", op, logits.shape().str());
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
    fail("{}: label smoothing {} given, but it must lie in [0, 1]", op, o.label_smoothing);
  const int64_t n = logits.size(0), k = logits.size(1);
  Targets t;
  t.classes = k, t.keep = 1 - o.label_smoothing, t.ignore_index = o.ignore_index;
  t.weight.assign(static_cast<size_t>(k), 1);
  if (o.class_weight.defined()) {
    if (!(o.class_weight.shape() == Shape{k}))
      fail("{}: class weights are {}, but logits {} need ({})", op, o.class_weight.shape().str(), logits.shape().str(),
           k);
    t.weight = o.class_weight.to_vector<double>();
  }
  for (const double w : t.weight) t.smoothed.push_back(o.label_smoothing / static_cast<double>(k) * w);
  if (target.dtype() == DType::i64) {
    if (!(target.shape() == Shape{n}))
      fail("{}: labels are {}, but logits {} need ({})", op, target.shape().str(), logits.shape().str(), n);
    t.labels = target.to_vector<int64_t>();
    for (size_t i = 0; i < t.labels.size(); i++)
      if (const int64_t label = t.labels[i]; (label < 0 || label >= k) && label != o.ignore_index)
        fail("{}: sample {} has label {}, but labels of {} classes are 0 to {}", op, i, label, k, k - 1);
  } else {
    if (!(target.shape() == logits.shape()) || target.dtype() != logits.dtype())
      fail("{}: target is {} {}, but logits {} {} need i64 labels ({}) or probabilities like themselves", op,
           name_of(target.dtype()), target.shape().str(), name_of(logits.dtype()), logits.shape().str(), n);
    t.probabilities = target.body();
  }
  return t;
}

// PyTorch's mean: over the weights of the labels that count, or over the samples if targets are probabilities.
double mean_factor(const Targets& t, int64_t samples) {
  double total = 0;
  for (const int64_t label : t.labels)
    if (label != t.ignore_index) total += t.weight[static_cast<size_t>(label)];
  return 1 / (t.labels.empty() && t.probabilities ? static_cast<double>(samples) : total);
}

template <class T>
std::vector<double> losses(const Array& logits, const Targets& targets) {
  const View<T> z = logits.view<T>();
  std::vector<double> loss(static_cast<size_t>(z.pixels()));
  if (targets.probabilities) values(targets.probabilities);  // finished here, not by several threads at once
  parallel_chunks(z.pixels(), chunk_count(z.pixels()), [&](int64_t, int64_t begin, int64_t end) {
    std::vector<double> t(static_cast<size_t>(targets.classes));
    for (int64_t n = begin; n < end; n++) {
      if (targets.ignored(n)) continue;
      targets.row<T>(n, t.data());
      const T* from = z.pixel(n);
      const double lse = log_sum_exp(from, targets.classes);
      double total = 0;
      for (int64_t k = 0; k < targets.classes; k++)
        if (const double weight = t[static_cast<size_t>(k)]; weight != 0) total += weight * (lse - from[k]);
      loss[static_cast<size_t>(n)] = total;
    }
  });
  return loss;
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  if (logits.defined() && logits.dtype() == DType::bf16)
    return cross_entropy(cast(logits, DType::f32), target, options);
  Targets targets = checked(logits, target, options);
  const bool per_sample = options.reduction == Reduction::none;
  const double factor = options.reduction == Reduction::mean ? mean_factor(targets, logits.size(0)) : 1;
  const Array out = Array::empty(per_sample ? Shape{logits.size(0)} : Shape{}, logits.dtype());
  with_floating(logits.dtype(), "cross_entropy", [&]<class T>() {
    const std::vector<double> loss = losses<T>(logits.values(), targets);
    double total = 0;
    for (const double l : loss) total += l;
    if (per_sample)
      std::transform(loss.begin(), loss.end(), out.data<T>(), [](double l) { return static_cast<T>(l); });
    else
      *out.data<T>() = static_cast<T>(total * factor);
  });
  NodePtr node;
  if (wants_grad({&logits, &target}))
    node = std::make_shared<CrossEntropyNode>(logits.body(), std::move(targets), factor, per_sample);
  return make_result(make_body(out), std::move(node), {&logits, &target});
}

std::vector<OpCase> cross_entropy_cases() {
  std::vector<OpCase> cases;
  const std::vector<int64_t> labels{2, 0, 4, 1, -100, 3, 2};
  struct Row {
    const char* name;
    bool weighted;
    double smoothing;
    Reduction reduction;
  };
  const Row table[] = {{"mean", false, 0, Reduction::mean},
                       {"sum", false, 0, Reduction::sum},
                       {"none", false, 0, Reduction::none},
                       {"smooth", false, 0.1, Reduction::mean},
                       {"weight", true, 0, Reduction::mean},
                       {"weight_smooth", true, 0.1, Reduction::mean},
                       {"weight_smooth_none", true, 0.2, Reduction::none}};
  for (const Row& row : table) {
    auto options = [row](const Tensor& logits) {
      CrossEntropyOptions o{.label_smoothing = row.smoothing, .reduction = row.reduction};
      if (row.weighted) o.class_weight = Tensor::from<double>({0.5, 2, 1, 0.25, 3}, {5}).to(logits.dtype());
      return o;
    };
    cases.push_back({.name = std::string("labels_") + row.name, .inputs = {{7, 5}}, .run = [=](const auto& in) {
                       return cross_entropy(in[0], Tensor::from(labels, {7}), options(in[0]));
                     }});
    cases.push_back({.name = std::string("probabilities_") + row.name,
                     .inputs = {{6, 5}, {6, 5}},
                     .run = [=](const auto& in) { return cross_entropy(in[0], in[1], options(in[0])); },
                     .lo = 0.1,
                     .hi = 2});
  }
  cases.push_back({.name = "one_sample", .inputs = {{1, 3}}, .run = [](const auto& in) {
                     return cross_entropy(in[0], Tensor::from<int64_t>({1}, {1}));
                   }});
  return cases;
}

}  // namespace ghost
