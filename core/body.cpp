#include "core/body.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "core/kernels/chunked.h"
#include "core/parallel.h"

namespace ghost {
namespace {

std::atomic<bool> fold_setting{true};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// to = transform(from), both (pixels, C)
void apply(const Pending& pending, const Array& from, const Array& to) {
  with_storage(from.dtype, "transform", [&]<class S>() {
    for_channel_runs({&from, &to}, [&](int64_t first, int64_t count) {
      const View<S> src = from.view<S>(first, count), dst = to.view<S>(first, count);
      const RowTransform<Compute<S>> t = row_transform<Compute<S>>(pending, first);
      parallel_sweep(src.pixels(), chunk_count(src.pixels()), [&](int64_t, int64_t begin, int64_t end) {
        passes<S>().transform(dst.pixel(begin), dst.stride, src.pixel(begin), src.stride, end - begin, count, &t);
      });
    });
  });
}

}  // namespace

ChannelVector::ChannelVector(DType of, int64_t channels, double fill) : dtype_(compute_type(of)), size_(channels) {
  if (dtype_ == DType::f32)
    f32_.assign(static_cast<size_t>(channels), static_cast<float>(fill));
  else
    f64_.assign(static_cast<size_t>(channels), fill);
}

void ChannelVector::set(int64_t i, double v) {
  if (dtype_ == DType::f32)
    f32_[static_cast<size_t>(i)] = static_cast<float>(v);
  else
    f64_[static_cast<size_t>(i)] = v;
}

ChannelVector ChannelVector::slice(int64_t first, int64_t count) const {
  ChannelVector s(dtype_, count, 0);
  if (dtype_ == DType::f32)
    std::copy_n(f32_.begin() + first, count, s.f32_.begin());
  else
    std::copy_n(f64_.begin() + first, count, s.f64_.begin());
  return s;
}

void ChannelVector::append(const ChannelVector& other) {
  f32_.insert(f32_.end(), other.f32_.begin(), other.f32_.end());
  f64_.insert(f64_.end(), other.f64_.begin(), other.f64_.end());
  size_ += other.size_;
}

Pending Pending::identity(DType dtype, int64_t channels) {
  return {.scale = ChannelVector(dtype, channels, 1),
          .shift = ChannelVector(dtype, channels, 0),
          .floor = ChannelVector(dtype, channels, -kInfinity),
          .ceiling = {},
          .mean = ChannelVector(dtype, channels, 0)};
}

bool Pending::bounded() const {
  if (ceiling.size() > 0) return true;
  for (int64_t c = 0; c < channels(); c++)
    if (floor[c] > -kInfinity) return true;
  return false;
}

void Pending::clamp(double lo, double hi) {
  if (hi < kInfinity && ceiling.size() == 0) ceiling = ChannelVector(floor.dtype(), channels(), kInfinity);
  for (ChannelVector* bound : {&floor, &ceiling})
    for (int64_t c = 0; c < bound->size(); c++) bound->set(c, std::min(std::max((*bound)[c], lo), hi));
}

void Pending::scale_by(double factor, double offset) {
  for (int64_t c = 0; c < channels(); c++) scale.set(c, scale[c] * factor), shift.set(c, shift[c] * factor + offset);
}

Pending Pending::slice(int64_t first, int64_t count) const {
  return {.scale = scale.slice(first, count),
          .shift = shift.slice(first, count),
          .floor = floor.slice(first, count),
          .ceiling = ceiling.size() > 0 ? ceiling.slice(first, count) : ChannelVector(),
          .function = function,
          .mean = mean.slice(first, count),
          .normalised = normalised};
}

void Pending::append(const Pending& other) {
  if (ceiling.size() > 0 || other.ceiling.size() > 0) {
    const auto of = [](const Pending& p) {
      return p.ceiling.size() > 0 ? p.ceiling : ChannelVector(p.floor.dtype(), p.channels(), kInfinity);
    };
    ceiling = of(*this);
    ceiling.append(of(other));
  }
  scale.append(other.scale), shift.append(other.shift), floor.append(other.floor), mean.append(other.mean);
  normalised |= other.normalised;
}

Recompute::Recompute(const Array& made, Make make)
    : like_(made), storage_(made.storage), state_(made.state), make_(std::move(make)) {
  like_.storage = nullptr, like_.state = nullptr;
}

Array Recompute::raw() {
  if (!like_.defined()) {
    // Without that state the storage belongs to a slice, which may have been written to.
    const std::shared_ptr<Storage> storage = storage_.lock();
    const std::shared_ptr<SliceState> state = state_.lock();
    if (storage && state)
      like_.storage = storage, like_.state = state;
    else
      like_ = make_();
    make_ = nullptr;
  }
  return like_;
}

BodyPtr make_body(Array raw, StatisticsPtr statistics) {
  return std::make_shared<Body>(Body{.raw = std::move(raw), .statistics = std::move(statistics)});
}

const Array& values(const BodyPtr& body) {
  if (!body->pending && !body->raw.in_parts()) return body->raw;
  if (!body->materialised) {
    Array out = Array::empty(body->raw.shape, body->raw.dtype);
    if (body->pending)
      apply(*body->pending, body->raw, out);
    else
      copy(body->raw, out);
    body->materialised = make_body(std::move(out));
  }
  return body->materialised->raw;
}

BodyPtr materialise(const BodyPtr& body) {
  if (!body->pending && !body->raw.in_parts()) return body;
  values(body);
  return body->materialised;
}

BodyPtr attach(const BodyPtr& to, Pending pending) {
  auto body = std::make_shared<Body>(
      Body{.raw = to->raw, .pending = std::make_shared<const Pending>(std::move(pending)), .recompute = to->recompute});
  return folding() ? body : materialise(body);
}

BodyPtr transformed(const Body& body, const Pending& pending) {
  Array out = Array::empty(body.raw.shape, body.raw.dtype);
  apply(pending, body.raw, out);
  return make_body(std::move(out));
}

bool folding() { return fold_setting.load(std::memory_order_relaxed); }
void set_folding(bool on) { fold_setting.store(on, std::memory_order_relaxed); }

}  // namespace ghost
