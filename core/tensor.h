// The public handle: values and, if wanted, their place in the graph of operators. Copies share both.
#pragma once
#include <vector>

#include "core/autograd.h"

namespace ghost {

class Tensor {
 public:
  Tensor() = default;  // undefined: "no tensor" where one is optional
  Tensor(BodyPtr body, NodePtr node) : body_(std::move(body)), node_(std::move(node)) {}
  explicit Tensor(Array values) : body_(make_body(std::move(values))) {}

  static Tensor empty(const Shape& shape, DType dtype = DType::f32);  // undefined contents
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
  static Tensor scalar(double value, DType dtype = DType::f32) { return full({}, value, dtype); }  // rank 0
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape);  // dtype of T; row-major

  bool defined() const { return body_ != nullptr; }
  const Shape& shape() const { return body_->raw.shape; }
  int64_t size(int dim) const { return shape()[dim]; }  // dim may count from the end
  int rank() const { return shape().rank(); }
  int64_t numel() const { return shape().numel(); }
  DType dtype() const { return body_->raw.dtype; }

  // Finished values, row-major and packed. A channel slice or a pending transform is finished first. The pointer holds
  // while this handle lives and nothing is written.
  template <class T>
  const T* data() const;
  template <class T>
  T item() const;  // of a tensor with one element, converted to T
  template <class T>
  std::vector<T> to_vector() const;  // all elements, converted to T
  // For writing, until the tensor is next read: counts as a change, so a backward that needs the old values refuses,
  // and what kernels keep of them is made anew. Not for results of operators that still have a pending transform.
  template <class T>
  T* mutable_data();
  void copy_from(const Tensor& other);  // values of the same shape, dtype converted; counts as a change

  Tensor to(DType dtype) const;  // a constant
  Tensor clone() const;          // a constant with its own memory
  Tensor detach() const;         // the same values without node

  bool requires_grad() const { return node() != nullptr; }
  // Makes this a leaf, or a constant again; throws Error on the result of an operator. All handles of one leaf change
  // together: `false` freezes a parameter in the layer that uses it, and drops its gradient.
  Tensor& set_requires_grad(bool on = true);
  Tensor grad() const;  // of a leaf; undefined if none has arrived
  void clear_grad();
  void backward() const;  // of a single number; throws Error otherwise
  void backward(const Tensor& seed) const;

  const BodyPtr& body() const { return body_; }
  const NodePtr& node() const;                                  // null: none, or a leaf that requires no gradient
  const Array& values() const { return ghost::values(body_); }  // finished, perhaps a channel slice (stride > channels)
  void require_defined(const char* op, const char* what) const;

 private:
  BodyPtr body_;
  NodePtr node_;
};

}  // namespace ghost
