#include "nn/module.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/rng.h"
#include "core/shapes_only.h"
#include "core/system_limits.h"

namespace ghost {
namespace {

// An error that already says in which module it arose.
struct Located {
  virtual ~Located() = default;
};
template <class E>
class LocatedError final : public E, public Located {
 public:
  LocatedError(const E& e, const std::string& path) : E(std::string(e.what()) + " (in " + path + ")") {}
};
template <class E>
[[noreturn]] void rethrow_located(const E& e, const std::string& path) {
  if (path.empty() || dynamic_cast<const Located*>(&e)) throw;
  throw LocatedError<E>(e, path);
}

// A system that has less memory than it promises kills the program instead of refusing.
void require_memory(const std::string& name, const Shape& shape) {
  constexpr int64_t kLarge = 256 << 20;
  const int64_t bytes = shape.numel() * static_cast<int64_t>(sizeof(float));
  if (bytes < kLarge) return;
  if (const MemoryLimit limit = memory_limit(); bytes > limit.available)
    fail("the parameter {} of shape {} takes {} MiB, but {} MiB are available ({})", name, shape.str(), bytes >> 20,
         limit.available >> 20, limit.reason);
}

thread_local std::vector<const ForwardObserver*> observers;
thread_local const StepScope* open_step = nullptr;

}  // namespace

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : name.empty() ? path : path + "." + name;
}

void at_path(const std::string& path, const std::function<void()>& f) {
  const PathScope scope(path);
  try {
    f();
  } catch (const UsageError& e) {
    rethrow_located(e, path);
  } catch (const Error& e) {
    rethrow_located(e, path);
  }
}

Tensor Module::operator()(const Tensor& x) {
  Tensor y;
  at_path(path_, [&] {
    x.require_defined(kind(), "the input");
    for (const auto* observer : observers)
      if (observer->before_) observer->before_(*this, x);
    y = forward(x);
  });
  for (const auto* observer : observers) observer->after_(*this, x, y);
  return y;
}
int64_t Module::macs(const Shape&, const Shape&) const { return 0; }

std::vector<Parameter> Module::own_parameters() const {
  std::vector<Parameter> own;
  for (const Entry& e : parameters_) own.push_back({e.name, e.tensor});
  return own;
}
std::vector<Buffer> Module::own_buffers() const {
  std::vector<Buffer> own;
  for (const Entry& e : buffers_) own.push_back({e.name, e.tensor});
  return own;
}
std::vector<std::pair<std::string, Module*>> Module::children() const {
  std::vector<std::pair<std::string, Module*>> list;
  for (const NamedChild& c : children_) list.emplace_back(c.name, c.module.get());
  return list;
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> all = own_parameters();
  for (const NamedChild& c : children_)
    for (Parameter& p : c.module->parameters()) all.push_back({join_path(c.name, p.name), std::move(p.tensor)});
  return all;
}
std::vector<Buffer> Module::buffers() const {
  std::vector<Buffer> all = own_buffers();
  for (const NamedChild& c : children_)
    for (Buffer& b : c.module->buffers()) all.push_back({join_path(c.name, b.name), std::move(b.tensor)});
  return all;
}
std::vector<std::pair<std::string, Module*>> Module::modules() {
  std::vector<std::pair<std::string, Module*>> all{{"", this}};
  for (const NamedChild& c : children_)
    for (const auto& [path, module] : c.module->modules()) all.emplace_back(join_path(c.name, path), module);
  return all;
}

void Module::train(bool on) {
  training_ = on;
  for (const NamedChild& c : children_) c.module->train(on);
}

void Module::initialise(uint64_t seed) {
  for (Entry& e : parameters_) {
    RandomStream stream(seed, join_path(path_, e.name));
    e.initialise(e.tensor, stream);
  }
  for (const NamedChild& c : children_) c.module->initialise(seed);
}

void Module::to(DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64) fail("{}: parameters are f32 or f64, not {}", kind(), name_of(dtype));
  for (std::vector<Entry>* entries : {&parameters_, &buffers_})
    for (Entry& e : *entries) {
      if (!is_floating(e.tensor.dtype())) continue;
      // The layer holds this body too, so the values change inside it.
      Array converted = Array::empty(e.tensor.shape(), dtype);
      copy(e.tensor.values(), converted);
      *e.tensor.body() = Body{.raw = std::move(converted)};
      e.tensor.clear_grad();
    }
  for (const NamedChild& c : children_) c.module->to(dtype);
}

void Module::check_name(const std::string& name) const {
  const auto is_name = [&](const auto& entry) { return entry.name == name; };
  if (name.empty() || name.find('.') != std::string::npos)
    fail("module: '{}' cannot name a member: names are not empty and hold no dot", name);
  if (std::any_of(parameters_.begin(), parameters_.end(), is_name) ||
      std::any_of(buffers_.begin(), buffers_.end(), is_name) ||
      std::any_of(children_.begin(), children_.end(), is_name))
    fail("module: there is a member named '{}' already", name);
}

Tensor Module::register_parameter(const std::string& name, const Shape& shape, Initialiser initialise) {
  check_name(name);
  Tensor t;
  if (shapes_only()) {
    constexpr int64_t kSmall = 1 << 16;  // of larger ones the memory is never touched
    t = shape.numel() <= kSmall ? Tensor::zeros(shape) : Tensor::empty(shape);
  } else {
    require_memory(name, shape);
    t = Tensor::full(shape, std::numeric_limits<double>::quiet_NaN());
  }
  t.set_requires_grad();
  parameters_.push_back({name, t, std::move(initialise)});
  return t;
}

Tensor Module::register_buffer(const std::string& name, Tensor value) {
  check_name(name);
  buffers_.push_back({name, value, {}});
  return value;
}

void Module::register_child(const std::string& name, ModulePtr child) {
  if (!child) return;
  check_name(name);
  child->set_paths(join_path(path_, name));
  children_.push_back({name, std::move(child)});
}

void Module::set_paths(const std::string& path) {
  path_ = path;
  for (const NamedChild& c : children_) c.module->set_paths(join_path(path, c.name));
}

ForwardObserver::ForwardObserver(After after, Before before) : after_(std::move(after)), before_(std::move(before)) {
  observers.push_back(this);
}
ForwardObserver::~ForwardObserver() { observers.erase(std::find(observers.begin(), observers.end(), this)); }

StepScope::StepScope(uint64_t seed, uint64_t step, uint64_t micro_batch)
    : seed_(seed), step_(step), micro_batch_(micro_batch), before_(open_step) {
  open_step = this;
}
StepScope::~StepScope() { open_step = before_; }

RandomStream StepScope::stream(const char* kind, const std::string& path) {
  if (!open_step) fail("{}: training draws random numbers per step; open a StepScope(seed, step) around it", kind);
  return RandomStream(open_step->seed_, path, {open_step->step_, open_step->micro_batch_});
}

}  // namespace ghost
