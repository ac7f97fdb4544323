// A module owns parameters, buffers and children. The class body is the state dict: members register themselves, in
// order, under PyTorch's names.
//
//   struct ConvBnAct : Module {
//     ConvBnAct(...) : conv(this, "conv", Conv2dConfig{...}), bn1(this, "bn1", ...) {}
//     Child<Conv2d> conv; Child<BatchNorm2d> bn1;
//     Tensor forward(const Tensor& x) override { return relu((*bn1)((*conv)(x))); }
//   };
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ops.h"

namespace ghost {

class Module;
using ModulePtr = std::shared_ptr<Module>;

struct Parameter {
  std::string name;
  Tensor tensor;
};  // name: full path, "blocks.3.0.ghost1.primary_conv.0.weight"
struct Buffer {
  std::string name;
  Tensor tensor;
};

// How a parameter starts. PyTorch's default for convolutions and linear layers: kaiming_uniform(a = √5) for the weight,
// U(−1/√fan_in, 1/√fan_in) for the bias; ones and zeros for batch norm.
using Initialiser = std::function<void(Tensor& parameter, class RandomStream& stream)>;

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // x (N, H, W, C) → y. Errors thrown inside carry the module's path.
  Tensor operator()(const Tensor& x);
  Tensor operator()(const Tensor& x, const Destination& into);
  virtual const char* kind() const = 0;  // "Conv2d", for tables and messages

  std::vector<Parameter> parameters() const;  // all, in order of registration, depth first
  std::vector<Buffer> buffers() const;
  std::vector<std::pair<std::string, Module*>> modules();  // path and module, this one first ("")
  const std::string& path() const { return path_; }

  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  // Sets paths and gives every parameter its initial value from the random stream named by its full path, so that
  // adding a layer never changes another's weights. Call once on the root.
  void initialise(uint64_t seed);
  void to(DType dtype);  // parameters and floating buffers

 protected:
  virtual Tensor forward(const Tensor& x) = 0;
  // `into` is a wish: a module whose result is written by one convolution passes it on to it; others ignore it.
  virtual Tensor forward(const Tensor& x, const Destination& into);

  Tensor register_parameter(const std::string& name, const Shape& shape, Initialiser initialise);
  Tensor register_buffer(const std::string& name, Tensor value);
  void register_child(const std::string& name, ModulePtr child);

 private:
  template <class M>
  friend class Child;
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
  void set_paths(const std::string& path);
  std::vector<Entry> parameters_, buffers_;
  std::vector<NamedChild> children_;
  std::string path_;
  bool training_ = true;
};

// A child module that registers itself under `name` when its owner is built.
template <class M>
class Child {
 public:
  Child() = default;
  template <class... Args>
  Child(Module* owner, const std::string& name, Args&&... args)
      : module_(std::make_shared<M>(std::forward<Args>(args)...)) {
    owner->register_child(name, module_);
  }
  Tensor operator()(const Tensor& x) const { return (*module_)(x); }
  Tensor operator()(const Tensor& x, const Destination& into) const { return (*module_)(x, into); }
  M& operator*() const { return *module_; }
  M* operator->() const { return module_.get(); }
  explicit operator bool() const { return module_ != nullptr; }

 private:
  std::shared_ptr<M> module_;
};

// Observes every module call (per thread): after(module, x, y). For tables of layers, for naming the first layer that
// produced a NaN, for feature maps.
class ForwardObserver {
 public:
  using After = std::function<void(Module&, const Tensor& x, const Tensor& y)>;
  explicit ForwardObserver(After after);
  ~ForwardObserver();
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;
};

}  // namespace ghost
