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
// transform, m being that transform's slope (RowTransform in core/kernels/rows.h): 1 between its bounds, else 0.
struct Sums {
  std::vector<double> g, g_centred;
};
using SumsPtr = std::shared_ptr<const Sums>;

// gradient[c] = on_g[c] · m · g[c] + on_raw[c] · raw[c] + offset[c],  m: slope of the transform `mask` at raw
struct GradTransform {
  BodyPtr raw;  // kept alive here
  PendingPtr mask;
  ChannelVector on_g, on_raw, offset;
  // Set where the gradient is factor · m · g: a batch_norm in front of it can take that into a transform of its own.
  std::optional<double> factor{};
  static GradTransform mask_of(BodyPtr raw, PendingPtr mask, double factor = 1);  // factor · m · g
};

// What a node would do to its result's gradient in a pass of its own. The last writer of that gradient may do it
// instead, as an epilogue, while the rows that it writes are in a cache.
struct GradEpilogue {
  std::shared_ptr<const GradTransform> mask = nullptr;  // applied first; null: none
  std::vector<BodyPtr> sums_of{};                       // take the sums for these bodies' transforms; null: of none
  bool empty() const { return !mask && sums_of.empty(); }
};
// What was done of an epilogue: one Sums for each of sums_of. By default nothing.
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

// g · factor + offset for each image and channel: g (N, H, W, C) of `dtype`, factor and offset (N, 1, 1, C) of its
// compute type. Without a factor 1, without g the offset alone.
struct ImageGradient {
  Shape shape;
  DType dtype = DType::f32;
  Array g{}, factor{}, offset{};
};

// to = gradient, or to += gradient, its transform applied, with the epilogue in the same pass.
EpilogueResult write_gradient(const Gradient& from, const Array& to, bool accumulate,
                              const GradEpilogue& epilogue = {});
// The gradient with its transform applied and the epilogue done: in place if g has no other owner. Every operator that
// does not fold gradients begins with it.
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

  // For a kernel: it writes (or adds to) slot.to, every element of it, then closes. At most one open slot at a time.
  // flexible: the kernel can write an array in parts, if that is what the value is, and can write base + gradient
  // where the array that gathers the gradient is read by others as well.
  Slot open(const Shape& shape, DType dtype, bool flexible = false);
  void close(EpilogueResult epilogue = {}) { held_.epilogue = std::move(epilogue); }
  // For an operator that already has the gradient in an array: no copy if it is the first.
  void give(Gradient gradient);
  // The gradient waits for the next writer, so that those of a gate and of a mean over the same images are written in
  // one pass.
  void give_by_image(ImageGradient gradient);

  void expect_writer() { expected_++; }
  bool single() const { return expected_ == 1; }
  const BodyPtr& value() const { return value_; }  // set where the value's pending transform is normalised
  void set_value(BodyPtr value) { value_ = std::move(value); }
  // The node reads its gradient best in parts of so many channels.
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

// What backward needs of a value: its body and the version it had; never a node, so no cycles by type. Of a body with a
// recompute only the recompute is kept, and get() makes the body.
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
  // What the last writer of the result's gradient may do for this node: by default, take the sums it wants.
  virtual GradEpilogue epilogue() { return {nullptr, wants_sums_of()}; }
  // The bodies whose transforms' sums backward wants: the result, where that carries a batch_norm's transform.
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
