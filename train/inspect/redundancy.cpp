#include "train/inspect/redundancy.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/gemm.h"
#include "core/parallel.h"

namespace ghost {

namespace {

// The maps as rows, C × (N·H·W), in f64.
struct Rows {
  int64_t maps = 0, pictures = 0, height = 0, width = 0;
  std::vector<double> values;
  int64_t pixels() const { return pictures * height * width; }
  const double* map(int64_t i) const { return values.data() + i * pixels(); }
};

Rows rows_of(const Tensor& maps) {
  if (maps.rank() != 4 || maps.numel() == 0)
    fail("redundancy: feature maps of shape {}; (N, H, W, C) with at least one value was expected", maps.shape().str());
  Rows rows{
      .maps = maps.size(3), .pictures = maps.size(0), .height = maps.size(1), .width = maps.size(2), .values = {}};
  const std::vector<double> interleaved = maps.to_vector<double>();
  rows.values.resize(interleaved.size());
  const int64_t pixels = rows.pixels();
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = 0; c < rows.maps; c++) {
      const double value = interleaved[static_cast<size_t>(p * rows.maps + c)];
      if (!std::isfinite(value)) fail("redundancy: map {} holds a value that is not finite", c);
      rows.values[static_cast<size_t>(c * pixels + p)] = value;
    }
  return rows;
}

void require_kernel(int64_t kernel) {
  if (kernel >= 1 && kernel <= 31 && kernel % 2 == 1) return;
  const int64_t lower = std::clamp<int64_t>(kernel - 1, 1, 31);
  fail_usage("redundancy: kernel={}, but must be odd and from 1 to 31; nearest valid: {}", kernel,
             kernel > 1 && kernel < 31 ? fmt::format("{} or {}", lower, lower + 2) : std::to_string(lower));
}

// Row (dy, dx) of the result is the map moved so that a filter's weight at (dy, dx) multiplies it: d² × (N·H·W).
std::vector<double> moved(const Rows& rows, int64_t map, int64_t kernel) {
  const int64_t h = rows.height, w = rows.width, reach = kernel / 2;
  std::vector<double> all(static_cast<size_t>(kernel * kernel * rows.pixels()));
  double* to = all.data();
  for (int64_t dy = -reach; dy <= reach; dy++)
    for (int64_t dx = -reach; dx <= reach; dx++)
      for (int64_t n = 0; n < rows.pictures; n++)
        for (int64_t y = 0; y < h; y++, to += w) {
          if (y + dy < 0 || y + dy >= h) continue;
          const double* from = rows.map(map) + (n * h + y + dy) * w;
          for (int64_t x = std::max<int64_t>(0, -dx); x < std::min(w, w - dx); x++) to[x] = from[x + dx];
        }
  return all;
}

// Rows of the largest kernel that a smaller one in its middle has.
std::vector<int64_t> middle(int64_t largest, int64_t kernel) {
  std::vector<int64_t> rows;
  const int64_t margin = (largest - kernel) / 2;
  for (int64_t y = margin; y < largest - margin; y++)
    for (int64_t x = margin; x < largest - margin; x++) rows.push_back(y * largest + x);
  return rows;
}

// Cholesky's factor of the symmetric matrix G, for G·w = b. Where maps do not determine the filter (a constant source,
// more weights than pixels) the small ridge chooses short filters.
class NormalEquations {
 public:
  NormalEquations(const std::vector<double>& gram, int64_t stride, const std::vector<int64_t>& rows)
      : size_(std::ssize(rows)), factor_(static_cast<size_t>(size_ * size_)) {
    double trace = 0;
    for (int64_t i = 0; i < size_; i++) {
      for (int64_t j = 0; j < size_; j++) at(factor_, i, j) = gram[static_cast<size_t>(rows[i] * stride + rows[j])];
      trace += at(factor_, i, i);
    }
    constexpr double kRidge = 1e-11;
    const double ridge = kRidge * trace / static_cast<double>(size_);
    for (int64_t i = 0; i < size_; i++)
      for (int64_t j = 0; j <= i; j++) {
        double sum = at(factor_, i, j) + (i == j ? ridge : 0);
        for (int64_t k = 0; k < j; k++) sum -= at(factor_, i, k) * at(factor_, j, k);
        // Rounding may leave nothing of a pivot: that direction then takes no part.
        at(factor_, i, j) = i != j ? (at(factor_, j, j) > 0 ? sum / at(factor_, j, j) : 0)
                                   : (sum > ridge / 2 && sum > 0 ? std::sqrt(sum) : 0);
      }
  }

  std::vector<double> solve(std::vector<double> b) const {
    const auto divided = [&](double value, int64_t i) {
      const double pivot = at(factor_, i, i);
      return pivot > 0 ? value / pivot : 0;
    };
    for (int64_t i = 0; i < size_; i++) {
      for (int64_t k = 0; k < i; k++) b[static_cast<size_t>(i)] -= at(factor_, i, k) * b[static_cast<size_t>(k)];
      b[static_cast<size_t>(i)] = divided(b[static_cast<size_t>(i)], i);
    }
    for (int64_t i = size_ - 1; i >= 0; i--) {
      for (int64_t k = i + 1; k < size_; k++)
        b[static_cast<size_t>(i)] -= at(factor_, k, i) * b[static_cast<size_t>(k)];
      b[static_cast<size_t>(i)] = divided(b[static_cast<size_t>(i)], i);
    }
    return b;
  }

  // Of each column b of `cross` (d² × columns): b·w for the w that solves G·w = b, the part of |y|² that the filter
  // explains. With G = L·Lᵀ it is |L⁻¹ b|².
  std::vector<double> explained(const std::vector<double>& cross, int64_t columns,
                                const std::vector<int64_t>& rows) const {
    std::vector<double> z(static_cast<size_t>(size_ * columns)), sums(static_cast<size_t>(columns));
    for (int64_t i = 0; i < size_; i++) {
      const double pivot = at(factor_, i, i);
      if (!(pivot > 0)) continue;
      double* row = z.data() + i * columns;
      std::copy_n(cross.data() + rows[static_cast<size_t>(i)] * columns, columns, row);
      for (int64_t k = 0; k < i; k++) {
        const double factor = at(factor_, i, k), *other = z.data() + k * columns;
        for (int64_t c = 0; c < columns; c++) row[c] -= factor * other[c];
      }
      for (int64_t c = 0; c < columns; c++) row[c] /= pivot, sums[static_cast<size_t>(c)] += row[c] * row[c];
    }
    return sums;
  }

 private:
  double& at(std::vector<double>& m, int64_t i, int64_t j) const { return m[static_cast<size_t>(i * size_ + j)]; }
  double at(const std::vector<double>& m, int64_t i, int64_t j) const { return m[static_cast<size_t>(i * size_ + j)]; }
  int64_t size_;
  std::vector<double> factor_;  // the lower triangle counts
};

// Inner products of the moved copies of one map with each other (d² × d²) and with all maps (d² × C).
struct Products {
  std::vector<double> gram, cross;
};

Products products(const Rows& rows, int64_t source, int64_t kernel, const double* targets, int64_t count) {
  const int64_t size = kernel * kernel, pixels = rows.pixels();
  const std::vector<double> copies = moved(rows, source, kernel);
  Products p{std::vector<double>(static_cast<size_t>(size * size)),
             std::vector<double>(static_cast<size_t>(size * count))};
  const Matrix<double> left{copies.data(), pixels};
  gemm<double>(size, size, pixels, left, {copies.data(), pixels, Transpose::yes}, p.gram.data(), size, false);
  gemm<double>(size, count, pixels, left, {targets, pixels, Transpose::yes}, p.cross.data(), count, false);
  return p;
}

double squares(const Rows& rows, int64_t map) {
  double sum = 0;
  for (int64_t p = 0; p < rows.pixels(); p++) sum += rows.map(map)[p] * rows.map(map)[p];
  return sum;
}

std::vector<double> variances(const Rows& rows) {
  std::vector<double> all;
  for (int64_t c = 0; c < rows.maps; c++) {
    double mean = 0, sum = 0;
    for (int64_t p = 0; p < rows.pixels(); p++) mean += rows.map(c)[p];
    mean /= static_cast<double>(rows.pixels());
    for (int64_t p = 0; p < rows.pixels(); p++) sum += (rows.map(c)[p] - mean) * (rows.map(c)[p] - mean);
    all.push_back(sum / static_cast<double>(rows.pixels()));
  }
  return all;
}

}  // namespace

double FilterFits::unexplained(int64_t source, int64_t target) const {
  return constant(target) ? 0 : mse(source, target) / variance[static_cast<size_t>(target)];
}

std::vector<FilterFits> fit_all_pairs(const Tensor& maps, std::span<const int64_t> kernels) {
  if (kernels.empty()) fail_usage("redundancy: no size of filter was given");
  for (const int64_t kernel : kernels) require_kernel(kernel);
  const Rows rows = rows_of(maps);
  const int64_t count = rows.maps, largest = *std::max_element(kernels.begin(), kernels.end());
  const std::vector<double> variance = variances(rows);
  constexpr double kNothing = 1e-12;  // of the largest; values in f32 leave that much by rounding
  const double nothing = kNothing * *std::max_element(variance.begin(), variance.end());
  std::vector<FilterFits> all;
  std::vector<std::vector<int64_t>> chosen;
  for (const int64_t kernel : kernels) {
    all.push_back({.kernel = kernel,
                   .maps = count,
                   .pixels = rows.pixels(),
                   .error = std::vector<double>(static_cast<size_t>(count * count)),
                   .variance = variance,
                   .nothing = nothing});
    chosen.push_back(middle(largest, kernel));
  }
  std::vector<double> energy;
  for (int64_t c = 0; c < count; c++) energy.push_back(squares(rows, c));
  parallel_for(count, [&](int64_t source) {
    // The largest filter's products hold those of all smaller ones.
    const Products p = products(rows, source, largest, rows.values.data(), count);
    for (size_t k = 0; k < kernels.size(); k++) {
      const NormalEquations equations(p.gram, largest * largest, chosen[k]);
      const std::vector<double> explained = equations.explained(p.cross, count, chosen[k]);
      for (int64_t target = 0; target < count; target++)
        if (target != source)
          all[k].error[static_cast<size_t>(source * count + target)] =
              std::max(energy[static_cast<size_t>(target)] - explained[static_cast<size_t>(target)], 0.0) /
              static_cast<double>(rows.pixels());
    }
  });
  return all;
}

PairFit fit_pair(const Tensor& maps, int64_t source, int64_t target, int64_t kernel) {
  require_kernel(kernel);
  const Rows rows = rows_of(maps);
  for (const int64_t map : {source, target})
    if (map < 0 || map >= rows.maps) fail("redundancy: there is no map {}; there are 0 to {}", map, rows.maps - 1);
  const Products p = products(rows, source, kernel, rows.map(target), 1);
  PairFit fit{.source = source, .target = target, .kernel = kernel, .filter = {}, .predicted = {}};
  fit.filter = NormalEquations(p.gram, kernel * kernel, middle(kernel, kernel)).solve(p.cross);
  fit.predicted.resize(static_cast<size_t>(rows.pixels()));
  const std::vector<double> copies = moved(rows, source, kernel);
  for (int64_t k = 0; k < kernel * kernel; k++)
    for (int64_t i = 0; i < rows.pixels(); i++)
      fit.predicted[static_cast<size_t>(i)] +=
          fit.filter[static_cast<size_t>(k)] * copies[static_cast<size_t>(k * rows.pixels() + i)];
  for (int64_t i = 0; i < rows.pixels(); i++) {
    const double off = fit.predicted[static_cast<size_t>(i)] - rows.map(target)[i];
    fit.mse += off * off / static_cast<double>(rows.pixels());
  }
  return fit;
}

GhostRatio ghost_ratio(const FilterFits& fits, double tolerance) {
  const auto count = static_cast<size_t>(fits.maps);
  GhostRatio result;
  result.tolerance = tolerance;
  std::vector<bool> open(count);
  std::vector<uint8_t> covers(count * count);  // (source, target), itself included
  std::vector<int64_t> left(count);            // open targets that a source covers
  for (size_t source = 0; source < count; source++) open[source] = !fits.constant(static_cast<int64_t>(source));
  for (size_t source = 0; source < count; source++)
    for (size_t target = 0; target < count; target++) {
      if (!open[source] || !open[target]) continue;
      const bool follows =
          source == target || fits.unexplained(static_cast<int64_t>(source), static_cast<int64_t>(target)) <= tolerance;
      covers[source * count + target] = follows, left[source] += follows;
    }
  for (size_t target = 0; target < count; target++) {
    int64_t by_others = 0;
    for (size_t source = 0; source < count; source++) by_others += source != target && covers[source * count + target];
    result.constant += !open[target], result.predicted += !open[target] || by_others > 0;
  }
  while (true) {
    const auto best = static_cast<size_t>(std::max_element(left.begin(), left.end()) - left.begin());
    if (left[best] == 0) break;
    result.intrinsic.push_back(static_cast<int64_t>(best));
    for (size_t target = 0; target < count; target++) {
      if (!open[target] || !covers[best * count + target]) continue;
      open[target] = false;
      for (size_t source = 0; source < count; source++) left[source] -= covers[source * count + target];
    }
  }
  result.share = static_cast<double>(result.predicted) / static_cast<double>(fits.maps);
  result.ratio = static_cast<double>(fits.maps) / static_cast<double>(std::max<size_t>(1, result.intrinsic.size()));
  return result;
}

}  // namespace ghost
