#include "reference/hashed.h"

#include <cmath>

namespace ghost::reference {
namespace {

uint32_t fnv1a(const std::string& text) {  // Fowler, Noll, Vo
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

uint32_t mixed(uint32_t x) {  // the finaliser of MurmurHash3
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

template <class T, class F>
Tensor filled(const std::string& name, const Shape& shape, F&& value_of) {
  std::vector<T> values;
  values.reserve(static_cast<size_t>(shape.numel()));
  for (int64_t i = 0; i < shape.numel(); i++) values.push_back(static_cast<T>(value_of(hashed_uniform(name, i))));
  return Tensor::from(values, shape);
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

double hashed_uniform(const std::string& name, int64_t index) {
  return mixed(mixed(fnv1a(name)) + static_cast<uint32_t>(index)) / 4294967296.0;
}

Tensor hashed_entry(const std::string& name, const Shape& shape) {
  if (ends_with(name, "num_batches_tracked")) return Tensor::zeros(shape, DType::i64);
  if (ends_with(name, "running_var") || (shape.rank() == 1 && ends_with(name, "weight")))
    return filled<float>(name, shape, [](double u) { return 0.5 + u; });
  if (shape.rank() <= 1) return filled<float>(name, shape, [](double u) { return (u - 0.5) / 5; });
  const double bound = std::sqrt(3 / static_cast<double>(shape.numel() / shape[0]));
  return filled<float>(name, shape, [bound](double u) { return (2 * u - 1) * bound; });
}

Tensor hashed_tensor(const std::string& name, const std::string& dtype, const Shape& shape, int64_t below) {
  if (name.starts_with("state_dict/")) return hashed_entry(name.substr(name.find('/') + 1), shape);
  if (dtype == "F32") return filled<float>(name, shape, [](double u) { return 4 * u - 2; });
  if (dtype == "U8") return filled<uint8_t>(name, shape, [](double u) { return std::floor(256 * u); });
  if (dtype == "I64")
    return filled<int64_t>(name, shape, [below](double u) { return std::floor(static_cast<double>(below) * u); });
  fail("{}: there is no formula for {}", name, dtype);
}

}  // namespace ghost::reference
