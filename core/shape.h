#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace ghost {

// Up to six dimensions, slowest first; the last one is the channel dimension of every operator that has one:
// activations are (N, H, W, C), matrices (N, C).
class Shape {
 public:
  static constexpr int kMaxRank = 6;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);  // throws Error on rank > 6 or a negative size
  explicit Shape(const std::vector<int64_t>& dims) : Shape(std::span<const int64_t>(dims)) {}

  int rank() const { return rank_; }
  int64_t operator[](int dim) const { return dims_[static_cast<size_t>(dim < 0 ? dim + rank_ : dim)]; }
  int64_t& operator[](int dim) { return dims_[static_cast<size_t>(dim < 0 ? dim + rank_ : dim)]; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  bool operator==(const Shape& o) const { return rank_ == o.rank_ && dims_ == o.dims_; }

  int64_t numel() const;                                               // 1 for rank 0
  int64_t channels() const { return rank_ ? (*this)[rank_ - 1] : 1; }  // size of the last dimension
  int64_t pixels() const;                                              // product of all others
  std::string str() const;                                             // "(2, 3, 4)"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace ghost
