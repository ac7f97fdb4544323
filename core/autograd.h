// Reverse-mode differentiation: nodes, gradients, and the sinks that gradients are written to. First-order only; every
// operator has one differentiable result. A gradient, like a value, may carry a transform that is still to be applied.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>

#include "core/body.h"

namespace ghost {

class Tensor;

// Per channel Σ m·g and Σ m·g·(raw − mean): what batch_norm needs of the gradient g of a value with a pending
// transform, m being the transform's mask (value above its floor).
struct Sums {
  std::vector<double> g, g_centred;
};
using SumsPtr = std::shared_ptr<const Sums>;

// gradient[c] = on_g[c] · (m ? g[c] : 0) + on_raw[c] · raw[c] + offset[c],  m = raw·scale + shift > floor
struct GradTransform {
  BodyPtr raw;  // kept alive here
  PendingPtr mask;
  ChannelVector on_g, on_raw, offset;
  bool mask_only = false;
  static GradTransform mask_of(BodyPtr raw, PendingPtr mask);  // on_g = 1, the others 0
};

// What nodes further back would do to a gradient in a pass of their own, and its last writer may do while the rows that
// it writes are near.
struct GradEpilogue {
  std::shared_ptr<const GradTransform> mask = nullptr;  // applied first; null: none
  std::vector<BodyPtr> sums_of{};                       // take the sums for these bodies' transforms; null: of none
  bool empty() const { return !mask && sums_of.empty(); }
};
// That it was done: one Sums for each of sums_of. Not done: as default.
struct EpilogueResult {
  bool masked = false;
  std::vector<SumsPtr> sums{};
};

struct Gradient {
  Array g;
  std::shared_ptr<const GradTransform> transform = nullptr;  // null: g is the gradient
  EpilogueResult epilogue{};                                 // what the last writer did of the node's epilogue()
  SumsPtr sums() const { return epilogue.sums.empty() ? nullptr : epilogue.sums[0]; }
};

// g · factor + offset for each image and channel: g (N, H, W, C), factor and offset (N, 1, 1, C). Without a factor 1,
// without g the offset alone.
struct ImageGradient {
  Shape shape;
  Array g{}, factor{}, offset{};
};

// to = gradient, or to += gradient, finished in the same pass.
EpilogueResult write_gradient(const Gradient& from, const Array& to, bool accumulate,
                              const GradEpilogue& epilogue = {});
// The gradient with its transform applied and finished: in place if nobody else holds g. The default of every operator
// that does not fold gradients.
Gradient materialise(Gradient from, const GradEpilogue& epilogue = {});

class Node;

// Where the gradient of one value gathers. Writers are counted before backward starts: the first assigns, later ones
// accumulate, and only the last one's pass may take sums.
class GradSink {
 public:
  explicit GradSink(Node* of) : node_(of) {}
  struct Slot {
    Array to;
    bool accumulate = false;
    Array base;               // to = base + gradient then, if this is defined
    GradEpilogue epilogue{};  // empty, unless this is the last writer
    double beta() const { return accumulate ? 1 : 0; }
  };

  // For a kernel: write (or add to) slot.to, every element of it, then close. At most one open slot at a time.
  // flexible: the kernel can write an array in parts, if that is what the value is, and add to a base.
  Slot open(const Shape& shape, DType dtype, bool flexible = false);
  void close(EpilogueResult epilogue = {}) { held_.epilogue = std::move(epilogue); }
  // For an operator that already has the gradient in an array: no copy if it is the first.
  void give(Gradient gradient);
  // It waits for the next writer: what a gate and a mean over the same images give is written in one pass.
  void give_by_image(ImageGradient gradient);

  void expect_writer() { expected_++; }
  bool single() const { return expected_ == 1; }
  const BodyPtr& value() const { return value_; }  // set where the value carries a normalised pending transform
  void set_value(BodyPtr value) { value_ = std::move(value); }
  // The gradient is best had in parts of so many channels.
  void set_parts(std::vector<int64_t> channels) { parts_ = std::move(channels); }
  Gradient take();
  const Gradient& peek() const { return held_; }
  bool has() const { return has_; }
  void clear();

 private:
  friend class Node;
  friend class Leaf;
  Slot arrived(bool accumulate, Array base);  // a writer of held_.g
  void write_waiting();

  Node* node_;
  Gradient held_{};
  BodyPtr value_;
  std::vector<int64_t> parts_;
  bool keeps_transform_ = true;             // false for leaves: their gradient is read from outside
  std::optional<ImageGradient> waiting_{};  // not among arrived_
  bool has_ = false;
  int expected_ = 0, arrived_ = 0;
};

// What backward needs of a value: its body and the version it had; never a node, so no cycles by type. Of a body that
// has a recompute only that is kept, and the body is made when it is asked for.
class Saved {
 public:
  Saved() = default;
  explicit Saved(BodyPtr body);
  // Throws Error naming op and tensor if the values were changed since.
  const BodyPtr& get(const char* op, const char* what) const;

 private:
  mutable BodyPtr body_;
  std::shared_ptr<const void> keeps_;  // what SliceState::saved looks at
  RecomputePtr recompute_;
  PendingPtr pending_;
  std::weak_ptr<SliceState> state_;  // where there is a recompute
  uint64_t version_ = 0;
};

using NodePtr = std::shared_ptr<Node>;

class Node {
 public:
  Node();
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual const char* name() const = 0;
  // Reads the gradient of the result, writes those of the inputs that want one.
  virtual void backward(Gradient gy) = 0;
  // What the last writer of that gradient may do for it: take these sums.
  virtual GradEpilogue epilogue() { return {nullptr, wants_sums_of()}; }
  // Bodies for whose transforms backward wants the sums: the result, where it carries a batch_norm's.
  virtual std::vector<BodyPtr> wants_sums_of();

  const std::vector<NodePtr>& inputs() const { return inputs_; }
  GradSink& sink() { return sink_; }
  GradSink* sink_of(size_t i) const { return inputs_[i] ? &inputs_[i]->sink_ : nullptr; }  // null: no gradient wanted
  bool is_leaf() const { return leaf_; }
  bool wanted() const { return wanted_; }  // false: a leaf that takes no part for now
  void set_wanted(bool on) { wanted_ = on; }
  const std::string& where() const { return where_; }  // module path that was active when the node was made
  uint64_t sequence() const { return sequence_; }

 protected:
  // Every tensor that backward reads is saved here, so that it can be released as soon as backward has run.
  void save(const BodyPtr& body) { saved_.emplace_back(body ? Saved(body) : Saved()); }
  const BodyPtr& saved(size_t i, const char* what) const { return saved_[i].get(name(), what); }
  bool leaf_ = false;

 private:
  friend Tensor make_result(BodyPtr body, NodePtr node, std::initializer_list<const Tensor*> inputs);
  friend Tensor make_result(BodyPtr body, NodePtr node, const std::vector<Tensor>& inputs);
  friend void backward(const std::vector<Tensor>& results, const std::vector<Tensor>& seeds);
  std::vector<NodePtr> inputs_;
  std::vector<Saved> saved_;
  GradSink sink_;
  uint64_t sequence_;
  bool spent_ = false, wanted_ = true;
  std::string where_;
};

class Leaf final : public Node {
 public:
  Leaf();
  const char* name() const override { return "leaf"; }
  void backward(Gradient) override {}
};

// Whether a result of these inputs needs a node: gradients are on and one of the inputs has a node.
bool wants_grad(std::initializer_list<const Tensor*> inputs);
bool wants_grad(const std::vector<Tensor>& inputs);
// The tensor of an operator: body and, unless node is null, its node with these inputs (undefined tensors: none).
Tensor make_result(BodyPtr body, NodePtr node, std::initializer_list<const Tensor*> inputs);
Tensor make_result(BodyPtr body, NodePtr node, const std::vector<Tensor>& inputs);

// Gradients of Σ ⟨result, seed⟩ into the leaves, which add to what they hold. Without recursion: collects with an
// explicit stack, counts each sink's writers, runs newest first and releases each node's saved data at once. Throws
// Error on a second call through the same nodes.
void backward(const std::vector<Tensor>& results, const std::vector<Tensor>& seeds);

bool grad_enabled();
// No nodes are made while one of these lives (per thread).
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// The module path that new nodes and error messages carry (per thread).
class PathScope {
 public:
  explicit PathScope(const std::string& path);
  ~PathScope();
  PathScope(const PathScope&) = delete;
  PathScope& operator=(const PathScope&) = delete;
  static const std::string& current();

 private:
  const std::string* before_;
};

int64_t live_nodes();  // for leak checks

}  // namespace ghost
