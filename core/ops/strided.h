// Walks over arrays with any step in each dimension: what slice, permute, pad, broadcasting and reductions share.
#pragma once
#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "core/array.h"
#include "core/parallel.h"

namespace ghost {

using Steps = std::array<int64_t, Shape::kMaxRank>;

template <class T>
struct Strided {
  T* data = nullptr;
  Shape shape;
  Steps steps{};  // elements from one index to the next; 0 along a dimension that repeats

  // Dimension i of the result is dimension dims[i] of this.
  Strided permuted(const std::vector<int>& dims) const {
    Strided s = *this;
    for (size_t i = 0; i < dims.size(); i++) {
      s.shape[static_cast<int>(i)] = shape[dims[i]];
      s.steps[i] = steps[static_cast<size_t>(dims[i])];
    }
    return s;
  }
  // count indices of one dimension from `first`, each `step` after the one before.
  Strided sliced(int dim, int64_t first, int64_t count, int64_t step = 1) const {
    Strided s = *this;
    const auto d = static_cast<size_t>(dim);
    s.data += first * steps[d], s.shape[dim] = count, s.steps[d] *= step;
    return s;
  }
  // Aligned at the last dimension; sizes of 1 repeat.
  Strided repeated_to(const Shape& to) const {
    Strided s = aligned_to(to.rank());
    for (int d = 0; d < to.rank(); d++)
      if (s.shape[d] != to[d]) s.shape[d] = to[d], s.steps[static_cast<size_t>(d)] = 0;
    return s;
  }
  // With sizes of 1 in front.
  Strided aligned_to(int rank) const {
    Strided s{data, Shape(std::vector<int64_t>(static_cast<size_t>(rank), 1)), {}};
    for (int to = rank - shape.rank(), d = 0; d < shape.rank(); d++, to++) {
      s.shape[to] = shape[d];
      s.steps[static_cast<size_t>(to)] = steps[static_cast<size_t>(d)];
    }
    return s;
  }
};

template <class T>
Strided<T> strided(const Array& a) {
  Strided<T> s{a.data<T>(), a.shape, {}};
  int64_t step = 1;
  for (int d = a.shape.rank(); d-- > 0;) {
    s.steps[static_cast<size_t>(d)] = step;
    step *= d == a.shape.rank() - 1 ? a.stride : a.shape[d];
  }
  return s;
}

// Some dimensions of a shape, flattened: index → offset in each of N operands.
template <size_t N>
class Walk {
 public:
  void add(int64_t size, const std::array<int64_t, N>& steps) { dims_[rank_] = size, steps_[rank_++] = steps; }
  int64_t size() const {
    int64_t n = 1;
    for (size_t d = 0; d < rank_; d++) n *= dims_[d];
    return n;
  }
  std::array<int64_t, N> offsets(int64_t index) const {
    std::array<int64_t, N> to{};
    for (size_t d = rank_; d-- > 0 && index;) {
      const int64_t i = index % dims_[d];
      index /= dims_[d];
      for (size_t k = 0; k < N; k++) to[k] += i * steps_[d][k];
    }
    return to;
  }

 private:
  size_t rank_ = 0;
  std::array<int64_t, Shape::kMaxRank> dims_{};
  std::array<std::array<int64_t, N>, Shape::kMaxRank> steps_{};
};

// Calls f(out, in...) once for every element; shapes are equal. Threaded: elements of out must not repeat.
template <class F, class Out, class... In>
void for_elements(F f, const Strided<Out>& out, const Strided<In>&... in) {
  constexpr size_t kOperands = 1 + sizeof...(In);
  auto steps_at = [&](int d) {
    const auto i = static_cast<size_t>(d);
    return std::array<int64_t, kOperands>{out.steps[i], in.steps[i]...};
  };
  // Neighbouring dimensions that every operand walks through as one become one.
  struct Dim {
    int64_t size;
    std::array<int64_t, kOperands> steps;
  };
  std::vector<Dim> dims;
  for (int d = 0; d < out.shape.rank(); d++) {
    const Dim next{out.shape[d], steps_at(d)};
    if (next.size == 0) return;
    if (next.size == 1) continue;
    bool joins = !dims.empty();
    for (size_t k = 0; joins && k < kOperands; k++) joins = dims.back().steps[k] == next.steps[k] * next.size;
    if (joins)
      dims.back().size *= next.size, dims.back().steps = next.steps;
    else
      dims.push_back(next);
  }
  if (dims.empty()) dims.push_back({1, {}});
  const Dim row = dims.back();
  Walk<kOperands> walk;
  for (size_t d = 0; d + 1 < dims.size(); d++) walk.add(dims[d].size, dims[d].steps);
  const bool dense = std::all_of(row.steps.begin(), row.steps.end(), [](int64_t s) { return s == 1; });
  constexpr int64_t kPiece = 4096;  // long rows are cut, so that they can be shared out
  const int64_t pieces = (row.size + kPiece - 1) / kPiece, items = walk.size() * pieces;
  const auto data = std::make_tuple(out.data, in.data...);
  parallel_chunks(items, chunk_count(items), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; item++) {
      const int64_t first = item % pieces * kPiece, last = std::min(first + kPiece, row.size);
      const auto at = walk.offsets(item / pieces);
      [&]<size_t... K>(std::index_sequence<K...>) {
        if (dense)
          for (int64_t i = first; i < last; i++) f(std::get<K>(data)[at[K] + i]...);
        else
          for (int64_t i = first; i < last; i++) f(std::get<K>(data)[at[K] + i * row.steps[K]]...);
      }
      (std::make_index_sequence<kOperands>{});
    }
  });
}

// out = or += Σ f(in...) over the dimensions in which out has size 1. Each in has the shape `over`; out has its rank.
// Sums are taken in f64, in an order that depends on shapes alone.
template <class F, class Out, class... In>
void sum_elements(const Strided<Out>& to, bool accumulate, Shape over, F f, Strided<In>... in) {
  constexpr size_t kIn = sizeof...(In);
  if (over.rank() == 0) {
    over = Shape{1};
    return sum_elements(to.aligned_to(1), accumulate, over, f, in.aligned_to(1)...);
  }
  const int last = over.rank() - 1;
  auto in_steps = [&](int d) { return std::array<int64_t, kIn>{in.steps[static_cast<size_t>(d)]...}; };
  Walk<kIn> kept, summed;
  Walk<1> target;
  for (int d = 0; d < last; d++) {
    if (to.shape[d] == over[d])
      kept.add(over[d], in_steps(d)), target.add(over[d], {to.steps[static_cast<size_t>(d)]});
    else
      summed.add(over[d], in_steps(d));
  }
  const bool keeps_last = to.shape[last] == over[last];
  const int64_t width = keeps_last ? over[last] : 1, length = over[last], terms = summed.size();
  const auto row_steps = in_steps(last);
  const auto data = std::make_tuple(in.data...);

  // acc (width) += terms [first, end) of one result row
  auto gather = [&](double* acc, int64_t row, int64_t first, int64_t end) {
    const auto base = kept.offsets(row);
    for (int64_t r = first; r < end; r++) {
      const auto at = summed.offsets(r);
      [&]<size_t... K>(std::index_sequence<K...>) {
        for (int64_t i = 0; i < length; i++)
          acc[keeps_last ? i : 0] += static_cast<double>(f(std::get<K>(data)[base[K] + at[K] + i * row_steps[K]]...));
      }
      (std::make_index_sequence<kIn>{});
    }
  };
  auto store = [&](const double* acc, int64_t row) {
    Out* dst = to.data + target.offsets(row)[0];
    const int64_t step = to.steps[static_cast<size_t>(last)];
    for (int64_t i = 0; i < width; i++)
      dst[i * step] = static_cast<Out>(acc[i] + (accumulate ? static_cast<double>(dst[i * step]) : 0));
  };

  const int64_t result_rows = kept.size(), row_bytes = width * static_cast<int64_t>(sizeof(double));
  // With many result rows each is one thread's work; with few, each is gathered in parts that are added in order.
  constexpr int64_t kEnoughRows = 16;
  const int64_t parts = result_rows >= kEnoughRows
                            ? 1
                            : std::max<int64_t>(1, chunk_count(terms, std::max<int64_t>(1, result_rows * row_bytes)));
  std::vector<double> partial(static_cast<size_t>(parts > 1 ? result_rows * parts * width : 0));
  if (parts > 1)
    parallel_for(result_rows * parts, [&](int64_t item) {
      const int64_t part = item % parts;
      gather(partial.data() + item * width, item / parts, terms * part / parts, terms * (part + 1) / parts);
    });
  parallel_chunks(result_rows, chunk_count(result_rows), [&](int64_t, int64_t begin, int64_t end) {
    std::vector<double> acc(static_cast<size_t>(width));
    for (int64_t row = begin; row < end; row++) {
      std::fill(acc.begin(), acc.end(), 0.0);
      if (parts == 1) gather(acc.data(), row, 0, terms);
      for (int64_t part = 0; parts > 1 && part < parts; part++)
        for (int64_t i = 0; i < width; i++)
          acc[static_cast<size_t>(i)] += partial[static_cast<size_t>((row * parts + part) * width + i)];
      store(acc.data(), row);
    }
  });
}

}  // namespace ghost
