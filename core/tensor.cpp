#include "core/tensor.h"

#include <algorithm>
#include <cstring>

#include "core/half.h"
#include "core/op_recorder.h"

namespace ghost {

Tensor Tensor::empty(const Shape& shape, DType dtype) { return Tensor(Array::empty(shape, dtype)); }
Tensor Tensor::zeros(const Shape& shape, DType dtype) { return Tensor(Array::zeros(shape, dtype)); }

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  const auto n = static_cast<size_t>(shape.numel());
  switch (dtype) {
    case DType::f32:
      std::fill_n(t.body_->raw.data<float>(), n, static_cast<float>(value));
      break;
    case DType::f64:
      std::fill_n(t.body_->raw.data<double>(), n, value);
      break;
    case DType::i64:
      std::fill_n(t.body_->raw.data<int64_t>(), n, static_cast<int64_t>(value));
      break;
    case DType::u8:
      std::fill_n(t.body_->raw.data<uint8_t>(), n, static_cast<uint8_t>(value));
      break;
    case DType::bf16:
      std::fill_n(t.body_->raw.data<bf16>(), n, bf16{to_bf16(static_cast<float>(value))});
      break;
  }
  return t;
}

template <class T>
Tensor Tensor::from(const std::vector<T>& values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.numel())
    fail("tensor: {} values given, but shape {} needs {}", values.size(), shape.str(), shape.numel());
  Tensor t = empty(shape, dtype_of<T>);
  std::copy(values.begin(), values.end(), t.body_->raw.template data<T>());
  return t;
}

void Tensor::require_defined(const char* op, const char* what) const {
  if (!body_) fail("{}: {} is undefined", op, what);
}

template <class T>
const T* Tensor::data() const {
  require_defined("tensor", "a tensor that is read");
  if (dtype() != dtype_of<T>) fail("tensor: it holds {}, but was read as {}", name_of(dtype()), name_of(dtype_of<T>));
  const Array& v = ghost::values(body_);
  if (v.packed()) return v.template data<T>();
  // A channel slice: its packed copy is kept with the body, so that the pointer lives as long as the handle.
  const uint64_t version = v.state->version();
  if (!body_->packed_copy.defined() || body_->packed_version != version)
    body_->packed_copy = packed(v), body_->packed_version = version;
  return body_->packed_copy.template data<T>();
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor t = to(dtype_of<T>);
  const T* p = t.template data<T>();
  return std::vector<T>(p, p + numel());
}

template <class T>
T Tensor::item() const {
  require_defined("item", "the tensor");
  if (numel() != 1) fail("item: the tensor is {}, but must have one element", shape().str());
  return to_vector<T>()[0];
}

template <class T>
T* Tensor::mutable_data() {
  require_defined("tensor", "a tensor that is written");
  if (dtype() != dtype_of<T>)
    fail("tensor: it holds {}, but was written as {}", name_of(dtype()), name_of(dtype_of<T>));
  if (body_->pending)
    fail("tensor: this result {} has not been finished yet and cannot be written to; clone() it", shape().str());
  Array& raw = body_->raw;
  const uint64_t version = raw.state->version();
  if (!raw.sole_owner() || raw.storage.use_count() > 1 || !raw.packed()) {
    // Other results share these values; they keep theirs.
    Array mine = Array::empty(raw.shape, raw.dtype);
    copy(raw, mine);
    raw = std::move(mine);
  }
  raw.state->parts.clear();
  raw.state->changes = version + 1;
  body_->statistics = nullptr, body_->recompute.reset();
  return raw.template data<T>();
}

void Tensor::copy_from(const Tensor& other) {
  require_defined("copy_from", "the destination");
  other.require_defined("copy_from", "the source");
  if (!(shape() == other.shape()))
    fail("copy_from: the source is {}, but the destination is {}", other.shape().str(), shape().str());
  const Tensor from = other.to(dtype());
  const size_t bytes = static_cast<size_t>(numel()) * size_of(dtype());
  auto write = [&]<class T>() { std::memcpy(mutable_data<T>(), from.data<T>(), bytes); };
  switch (dtype()) {
    case DType::f32:
      write.operator()<float>();
      break;
    case DType::f64:
      write.operator()<double>();
      break;
    case DType::i64:
      write.operator()<int64_t>();
      break;
    case DType::u8:
      write.operator()<uint8_t>();
      break;
    case DType::bf16:
      write.operator()<bf16>();
      break;
  }
}

Tensor Tensor::to(DType target) const {
  require_defined("to", "the tensor");
  if (target == dtype()) return detach();
  Tensor out = empty(shape(), target);
  copy(values(), out.body_->raw);
  if (OpRecorder* const recorder = active_recorder())
    recorder->add({.op = "to", .path = PathScope::current(), .inputs = {*this}, .result = out});
  return out;
}

Tensor Tensor::clone() const {
  require_defined("clone", "the tensor");
  Tensor out = empty(shape(), dtype());
  copy(values(), out.body_->raw);
  return recorded("identity", {this}, out);
}

Tensor Tensor::detach() const { return {body_, nullptr}; }

Tensor& Tensor::set_requires_grad(bool on) {
  require_defined("set_requires_grad", "the tensor");
  if (node_ && !node_->is_leaf()) fail("set_requires_grad: this is the result of {}; detach() it first", node_->name());
  if (on && !is_floating(dtype()))
    fail("set_requires_grad: only f32, f64 and bf16 have gradients, but this is {}", name_of(dtype()));
  if (!on) clear_grad();
  if (on && !node_) node_ = std::make_shared<Leaf>();
  if (node_) node_->set_wanted(on);
  return *this;
}

const NodePtr& Tensor::node() const {
  static const NodePtr none;
  return node_ && node_->wanted() ? node_ : none;
}

Tensor Tensor::grad() const {
  if (!node_ || !node_->is_leaf() || !node_->sink().has()) return {};
  return Tensor(node_->sink().peek().g);
}

void Tensor::clear_grad() {
  if (node_) node_->sink().clear();
}

void Tensor::backward() const {
  require_defined("backward", "the result");
  if (numel() != 1) fail("backward: the result is {}; give its gradient, or reduce it to one number", shape().str());
  backward(full(shape(), 1, dtype()));
}
void Tensor::backward(const Tensor& seed) const { ghost::backward({*this}, {seed}); }

template Tensor Tensor::from<float>(const std::vector<float>&, const Shape&);
template Tensor Tensor::from<double>(const std::vector<double>&, const Shape&);
template Tensor Tensor::from<int64_t>(const std::vector<int64_t>&, const Shape&);
template Tensor Tensor::from<uint8_t>(const std::vector<uint8_t>&, const Shape&);

template const float* Tensor::data<float>() const;
template std::vector<float> Tensor::to_vector<float>() const;
template float Tensor::item<float>() const;
template float* Tensor::mutable_data<float>();
template const double* Tensor::data<double>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template double Tensor::item<double>() const;
template double* Tensor::mutable_data<double>();
template const int64_t* Tensor::data<int64_t>() const;
template std::vector<int64_t> Tensor::to_vector<int64_t>() const;
template int64_t Tensor::item<int64_t>() const;
template int64_t* Tensor::mutable_data<int64_t>();
template const uint8_t* Tensor::data<uint8_t>() const;
template std::vector<uint8_t> Tensor::to_vector<uint8_t>() const;
template uint8_t Tensor::item<uint8_t>() const;
template uint8_t* Tensor::mutable_data<uint8_t>();

}  // namespace ghost
