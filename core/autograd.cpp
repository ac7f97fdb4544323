#include "core/autograd.h"

#include <algorithm>
#include <atomic>
#include <unordered_set>
#include <utility>

#include "core/kernels/by_image.h"
#include "core/kernels/chunked.h"
#include "core/op_recorder.h"
#include "core/parallel.h"
#include "core/tape_observer.h"
#include "core/tensor.h"

namespace ghost {
namespace {

std::atomic<uint64_t> next_sequence{0};
std::atomic<int64_t> node_count{0};
thread_local bool grads_on = true;
const std::string kNoPath;
thread_local const std::string* active_path = &kNoPath;
thread_local std::vector<const TapeObserver*> tape_observers;

// For operators that do not describe themselves.
template <class Inputs>
void record(const BodyPtr& body, const NodePtr& node, const Inputs& inputs) {
  OpRecorder* const recorder = active_recorder();
  if (!recorder) return;
  OpCall call{.op = node ? node->name() : "", .path = PathScope::current(), .result = Tensor(body, node)};
  for (const auto& input : inputs) {
    if constexpr (std::is_pointer_v<std::decay_t<decltype(input)>>)
      call.inputs.push_back(*input);
    else
      call.inputs.push_back(input);
  }
  recorder->add(std::move(call));
}

Tensor result_of(BodyPtr body, NodePtr node) {
  if (!node) return {std::move(body), nullptr};
  if (body->pending && body->pending->normalised) node->sink().set_value(body);
  for (const TapeObserver* observer : tape_observers) observer->made()(*node);
  return {std::move(body), std::move(node)};
}

template <class S>
EpilogueResult write_typed(const Gradient& from, const Array& to, bool accumulate, const GradEpilogue& epilogue) {
  struct Run {  // of channels that lie in one part of all
    View<S> g, raw, to;
    RowGradient<Compute<S>> transform;
  };
  const GradTransform* t = from.transform.get();
  std::vector<Run> runs;
  if (t || accumulate || from.g.state != to.state || from.g.offset != to.offset)
    for_channel_runs({&from.g, t ? &t->raw->raw : nullptr, &to}, [&](int64_t first, int64_t count) {
      runs.push_back({from.g.view<S>(first, count), t ? t->raw->raw.view<S>(first, count) : View<S>{},
                      to.view<S>(first, count), t ? row_gradient<Compute<S>>(*t, first) : RowGradient<Compute<S>>{}});
    });
  const int64_t pixels = to.shape.pixels(), c = to.shape.channels(), chunks = chunk_count(pixels);
  EpilogueRunner<S> runner(epilogue, to, chunks);
  // In short runs, so that what was just written is still in the nearest cache when it is finished.
  const int64_t run = pixels_per_run(c);
  parallel_sweep(pixels, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p += run) {
      const int64_t w = std::min(run, end - p);
      for (const Run& r : runs)
        passes<S>().gradient(r.to.pixel(p), r.to.stride, r.g.pixel(p), r.g.stride, t ? r.raw.pixel(p) : nullptr,
                             r.raw.stride, w, r.to.channels(), t ? &r.transform : nullptr, accumulate);
      runner.add(chunk, p, w);
    }
  });
  return runner.merged();
}

}  // namespace

GradTransform GradTransform::mask_of(BodyPtr raw, PendingPtr mask, double factor) {
  const DType t = raw->raw.dtype;
  const int64_t c = mask->channels();
  const bool joins = stays_pending(mask->function);  // else there are no kernels for its sums
  return {.raw = std::move(raw),
          .mask = std::move(mask),
          .on_g = ChannelVector(t, c, factor),
          .on_raw = ChannelVector(t, c, 0),
          .offset = ChannelVector(t, c, 0),
          .factor = joins ? std::optional(factor) : std::nullopt};
}

EpilogueResult write_gradient(const Gradient& from, const Array& to, bool accumulate, const GradEpilogue& epilogue) {
  return with_storage(to.dtype, "backward", [&]<class S>() { return write_typed<S>(from, to, accumulate, epilogue); });
}

Gradient materialise(Gradient from, const GradEpilogue& epilogue) {
  if (!from.transform && epilogue.empty()) return from;
  Array to = !from.transform || from.g.sole_owner() ? from.g : Array::empty(from.g.shape, from.g.dtype);
  EpilogueResult done = write_gradient(from, to, false, epilogue);
  return {std::move(to), nullptr, std::move(done)};
}

GradSink::Slot GradSink::open(const Shape& shape, DType dtype, bool flexible) {
  write_waiting();
  const auto fresh = [&] {
    return flexible && !parts_.empty() ? Array::empty_parts(shape, parts_, dtype) : Array::empty(shape, dtype);
  };
  Array base;
  const bool accumulate = has_;
  if (!has_) {
    held_.g = fresh();
  } else if (held_.g.in_parts() && !flexible) {
    held_.g = packed(held_.g);
  } else if (!held_.g.sole_owner()) {
    // Another node reads this array too: a residual sum hands the same one to both sides.
    base = std::exchange(held_.g, fresh());
    if (!flexible) write_gradient({std::exchange(base, {})}, held_.g, false);
  }
  return arrived(accumulate, std::move(base));
}

GradSink::Slot GradSink::arrived(bool accumulate, Array base) {
  const bool last = ++arrived_ == expected_;
  has_ = true, held_.epilogue = {};
  return {held_.g, accumulate, std::move(base), last && folding() ? node_->epilogue() : GradEpilogue{}};
}

void GradSink::give(Gradient gradient) {
  write_waiting();
  if (!has_) {
    const bool lazy = single() && keeps_transform_ && folding();
    arrived_++, has_ = true;
    held_ = lazy ? std::move(gradient) : materialise(std::move(gradient));
    if (!single()) held_.epilogue = {};
    return;
  }
  const Slot slot = open(held_.g.shape, held_.g.dtype);
  close(write_gradient(gradient, slot.to, true, slot.epilogue));
}

void GradSink::give_by_image(ImageGradient gradient) {
  if (waiting_ && !waiting_->offset.defined() && !gradient.g.defined()) {
    waiting_->offset = std::move(gradient.offset);
    arrived_++;
  } else {
    write_waiting();
    waiting_ = std::move(gradient);
  }
  if (arrived_ + 1 == expected_ || !folding()) write_waiting();
}

void GradSink::write_waiting() {
  if (!waiting_) return;
  const ImageGradient gradient = *std::exchange(waiting_, std::nullopt);
  Slot slot;
  if (!has_ && gradient.g.defined() && gradient.g.sole_owner())
    held_.g = gradient.g, slot = arrived(false, {});
  else
    slot = open(gradient.shape, gradient.dtype);
  close(write_image_gradient(gradient, slot));
}

Gradient GradSink::take() {
  Gradient g = std::move(held_);
  clear();
  return g;
}

void GradSink::clear() {
  held_ = {};
  waiting_ = std::nullopt, has_ = false;
  expected_ = arrived_ = 0;
}

Saved::Saved(BodyPtr body) : version_(body->raw.state->version()) {
  SliceState& state = *body->raw.state;
  recompute_ =
      body->materialised ? nullptr : body->recompute.lock();  // finished values are kept, as they are read again
  if (recompute_) {
    pending_ = body->pending, state_ = body->raw.state;
    return;
  }
  keeps_ = state.saved.lock();
  if (!keeps_) state.saved = keeps_ = std::make_shared<char>();
  body_ = std::move(body);
}

const BodyPtr& Saved::get(const char* op, const char* what) const {
  const std::shared_ptr<SliceState> state = recompute_ ? state_.lock() : body_ ? body_->raw.state : nullptr;
  if (state && state->version() != version_)
    fail("{}: {} {} was changed after it was used; backward needs its old values", op, what,
         (recompute_ ? recompute_->shape() : body_->raw.shape).str());
  if (recompute_ && !body_) body_ = std::make_shared<Body>(Body{.raw = recompute_->raw(), .pending = pending_});
  return body_;
}

Node::Node() : sink_(this), sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)), where_(*active_path) {
  node_count++;
}

Node::~Node() {
  // A long chain of nodes is released in a loop: the destructor of one must not call that of the next.
  static thread_local std::vector<NodePtr>* releasing = nullptr;
  node_count--;
  if (releasing) {
    std::move(inputs_.begin(), inputs_.end(), std::back_inserter(*releasing));
    return;
  }
  std::vector<NodePtr> work = std::move(inputs_);
  releasing = &work;
  while (!work.empty()) {
    const NodePtr next = std::move(work.back());
    work.pop_back();
  }
  releasing = nullptr;
}

std::vector<BodyPtr> Node::wants_sums_of() {
  return sink_.value() ? std::vector{sink_.value()} : std::vector<BodyPtr>{};
}

Leaf::Leaf() { leaf_ = true, sink().keeps_transform_ = false; }

bool wants_grad(std::initializer_list<const Tensor*> inputs) {
  return grads_on && std::any_of(inputs.begin(), inputs.end(), [](const Tensor* t) { return t->node() != nullptr; });
}
bool wants_grad(const std::vector<Tensor>& inputs) {
  return grads_on && std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.node() != nullptr; });
}

Tensor make_result(BodyPtr body, NodePtr node, std::initializer_list<const Tensor*> inputs) {
  if (node) {
    node->inputs_.reserve(inputs.size());
    for (const Tensor* t : inputs) node->inputs_.push_back(t->node());
  }
  record(body, node, inputs);
  return result_of(std::move(body), std::move(node));
}
Tensor make_result(BodyPtr body, NodePtr node, const std::vector<Tensor>& inputs) {
  if (node) {
    node->inputs_.reserve(inputs.size());
    for (const Tensor& t : inputs) node->inputs_.push_back(t.node());
  }
  record(body, node, inputs);
  return result_of(std::move(body), std::move(node));
}

void backward(const std::vector<Tensor>& results, const std::vector<Tensor>& seeds) {
  std::vector<NodePtr> order, stack;
  std::unordered_set<Node*> seen;
  auto visit = [&](const NodePtr& node) {
    if (node->spent_)
      fail("backward: the graph of this result was released by an earlier backward (at {})", node->name());
    node->sink_.expect_writer();
    if (seen.insert(node.get()).second) stack.push_back(node);
  };
  if (results.size() != seeds.size()) fail("backward: {} results, but {} gradients", results.size(), seeds.size());
  for (size_t i = 0; i < results.size(); i++) {
    if (!results[i].node()) fail("backward: result {} does not depend on a tensor that requires a gradient", i);
    if (!(results[i].shape() == seeds[i].shape()) || results[i].dtype() != seeds[i].dtype())
      fail("backward: result {} is {} {}, but its gradient is {} {}", i, name_of(results[i].dtype()),
           results[i].shape().str(), name_of(seeds[i].dtype()), seeds[i].shape().str());
    visit(results[i].node());
  }
  while (!stack.empty()) {
    order.push_back(std::move(stack.back()));
    stack.pop_back();
    const NodePtr node = order.back();
    for (const NodePtr& in : node->inputs_)
      if (in) visit(in);
  }
  std::sort(order.begin(), order.end(), [](const NodePtr& a, const NodePtr& b) { return a->sequence_ > b->sequence_; });
  for (size_t i = 0; i < results.size(); i++) results[i].node()->sink_.give({seeds[i].values()});
  for (NodePtr& node : order) {
    if (!node->leaf_) {
      try {
        node->backward(node->sink_.take());
      } catch (const Error& e) {
        if (node->where_.empty()) throw;
        throw Error(std::string(e.what()) + " (in " + node->where_ + ")");
      }
      for (const TapeObserver* observer : tape_observers) observer->ran()(*node);
      node->spent_ = true;
      node->saved_.clear(), node->inputs_.clear(), node->sink_.set_value(nullptr);
    }
    node = nullptr;
  }
}

bool grad_enabled() { return grads_on; }
NoGrad::NoGrad() : before_(grads_on) { grads_on = false; }
NoGrad::~NoGrad() { grads_on = before_; }

PathScope::PathScope(const std::string& path) : before_(active_path) { active_path = &path; }
PathScope::~PathScope() { active_path = before_; }
const std::string& PathScope::current() { return *active_path; }

TapeObserver::TapeObserver(Call made, Call ran) : made_(std::move(made)), ran_(std::move(ran)) {
  tape_observers.push_back(this);
}
TapeObserver::~TapeObserver() { std::erase(tape_observers, this); }

int64_t live_nodes() { return node_count; }

}  // namespace ghost
