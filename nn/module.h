// A module owns parameters, buffers and children. The class body is the state dict: members register themselves, in
// order, under PyTorch's names.
//
//   class Residual final : public Module {
//    public:
//     explicit Residual(int64_t channels)
//         : conv_(this, "conv", Conv2d::Options{.in = channels, .out = channels, .bias = false}),
//           bn_(this, "bn", BatchNorm2d::Options{.channels = channels}) {}
//     const char* kind() const override { return "Residual"; }
//    protected:
//     Tensor forward(const Tensor& x) override { return relu(bn_(conv_(x)) + x); }
//    private:
//     Child<Conv2d> conv_;
//     Child<BatchNorm2d> bn_;
//   };
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace ghost {

class Module;
class RandomStream;
using ModulePtr = std::shared_ptr<Module>;

struct Parameter {
  std::string name;  // full path: "blocks.3.0.ghost1.primary_conv.0.weight"
  Tensor tensor;
};
struct Buffer {
  std::string name;
  Tensor tensor;
};

// How a parameter starts; see nn/init.h.
using Initialiser = std::function<void(Tensor& parameter, RandomStream& stream)>;

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // x (N, H, W, C) → y. An Error thrown inside gets " (in <path>)" at its end, the path of the innermost module.
  Tensor operator()(const Tensor& x);
  virtual const char* kind() const = 0;  // "Conv2d", for tables and messages

  // Names are paths below this module; on the root they are the full ones.
  std::vector<Parameter> parameters() const;  // all, in order of registration, depth first
  std::vector<Buffer> buffers() const;
  std::vector<std::pair<std::string, Module*>> modules();  // path and module, this one first ("")
  const std::string& path() const { return path_; }        // below the root

  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  // Gives every parameter its initial value from the random stream named by its full path, so that adding a layer never
  // changes another's weights. Call on the root. Until then, or until load_state_dict, parameters are NaN.
  void initialise(uint64_t seed);
  void to(DType dtype);  // parameters, floating buffers; clears gradients. Between steps only.

  // Parameters and buffers of this module alone, without its children.
  std::vector<Parameter> own_parameters() const;
  std::vector<Buffer> own_buffers() const;
  std::vector<std::pair<std::string, Module*>> children() const;  // in order of registration

  // Multiply-accumulates of one call that maps a tensor of shape x to one of shape y, without those of the children.
  virtual int64_t macs(const Shape& x, const Shape& y) const;

 protected:
  virtual Tensor forward(const Tensor& x) = 0;

  // Names hold no dots and are unique within the module. Shapes in our axes. A null child takes no part. Throws Error
  // for a parameter that is larger than the memory that is available (core/system_limits.h).
  Tensor register_parameter(const std::string& name, const Shape& shape, Initialiser initialise);
  Tensor register_buffer(const std::string& name, Tensor value);
  void register_child(const std::string& name, ModulePtr child);

 private:
  template <class M>
  friend class Child;
  friend class ConvUnit;
  friend class Sequential;
  struct Entry {
    std::string name;
    Tensor tensor;
    Initialiser initialise;
  };
  struct NamedChild {
    std::string name;
    ModulePtr module;
  };
  void check_name(const std::string& name) const;
  void set_paths(const std::string& path);
  std::vector<Entry> parameters_, buffers_;
  std::vector<NamedChild> children_;
  std::string path_;
  bool training_ = true;
};

std::string join_path(const std::string& path, const std::string& name);  // "a.b"; "b" if path is empty

// Calls f with `path` as the active one; an Error that leaves it carries the innermost path, once.
void at_path(const std::string& path, const std::function<void()>& f);

// A module under construction as `name` of what is being constructed around it: its errors tell where.
template <class M, class... Args>
std::shared_ptr<M> make_child(const std::string& name, Args&&... args) {
  std::shared_ptr<M> module;
  at_path(join_path(PathScope::current(), name), [&] { module = std::make_shared<M>(std::forward<Args>(args)...); });
  return module;
}

// A child module that registers itself under `name` when its owner is built. Default-constructed: no child.
template <class M>
class Child {
 public:
  Child() = default;
  template <class... Args>
  Child(Module* owner, const std::string& name, Args&&... args)
      : module_(make_child<M>(name, std::forward<Args>(args)...)) {
    owner->register_child(name, module_);
  }
  Tensor operator()(const Tensor& x) const { return (*module_)(x); }
  M& operator*() const { return *module_; }
  M* operator->() const { return module_.get(); }
  explicit operator bool() const { return module_ != nullptr; }

 private:
  std::shared_ptr<M> module_;
};

// Observes every call of a module on this thread: before(module, x) if given, and after(module, x, y). Tables of
// layers, the search for the first NaN and feature maps are made with it. The calls of inner modules come between the
// two of the module that calls them. A module that throws gets no `after`.
class ForwardObserver {
 public:
  using After = std::function<void(Module&, const Tensor& x, const Tensor& y)>;
  using Before = std::function<void(Module&, const Tensor& x)>;
  explicit ForwardObserver(After after, Before before = {});
  ~ForwardObserver();
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;

 private:
  friend class Module;
  After after_;
  Before before_;
};

// The training step that this thread computes. The trainer opens one around every forward pass in training;
// layers that draw random numbers take the stream of (seed, own path, step, micro-batch), so that threads, other layers
// and a resumed run cannot change them.
class StepScope {
 public:
  StepScope(uint64_t seed, uint64_t step, uint64_t micro_batch = 0);  // step: over the whole run
  ~StepScope();
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;
  // The stream of the module at `path` in the open step. Throws Error naming `kind` if no scope is open.
  static RandomStream stream(const char* kind, const std::string& path);

 private:
  uint64_t seed_, step_, micro_batch_;
  const StepScope* before_;
};

}  // namespace ghost
