#include "core/kernels/rows.h"

#include <atomic>
#include <cstdlib>
#include <fmt/ranges.h>
#include <iterator>

#include "core/error.h"
#include "core/kernels/isa.h"
#include "core/kernels/isa/kernel_set.h"
#include "core/numerics.h"

namespace ghost {
namespace {

struct Entry {
  const char* name;
  const isa::KernelSet* set;
  const Bf16Products* products;
  bool (*runs_here)();
};

#if defined(__x86_64__)
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

// Best first; the last one runs everywhere.
constexpr Entry kSets[] = {
#if defined(__x86_64__)
    {"avx512bf16", &isa::avx512, &isa::avx512bf16_products,
     [] { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }},
    {"avx512", &isa::avx512, nullptr, has_avx512},
    {"avx2", &isa::avx2, nullptr, has_avx2},
#endif
    {"baseline", &isa::baseline, nullptr, [] { return true; }},
};

const Entry& named(const std::string& name, const char* who) {
  bool known = false;
  for (const Entry& e : kSets) {
    if (e.name != name) continue;
    if (e.runs_here()) return e;
    known = true;
  }
  fail_usage("{}: \"{}\" {}; possible here: {}", who, name,
             known ? "needs instructions this processor does not have" : "is not an instruction set",
             fmt::join(available_isas(), ", "));
}

const Entry& choice_at_start() {
  const char* forced = std::getenv("GHOST_ISA");
  if (forced && *forced) return named(forced, "GHOST_ISA");
  for (const Entry& e : kSets)
    if (e.runs_here()) return e;
  return *std::prev(std::end(kSets));
}

std::atomic<const Entry*>& chosen() {
  static std::atomic<const Entry*> entry{&choice_at_start()};
  return entry;
}
const isa::KernelSet& set() { return *chosen().load(std::memory_order_relaxed)->set; }

}  // namespace

template <>
const RowKernels<float>& rows<float>() {
  return set().f32;
}
template <>
const RowKernels<double>& rows<double>() {
  return set().f64;
}

template <>
const RowPasses<float>& passes<float>() {
  return set().passes_f32;
}
template <>
const RowPasses<double>& passes<double>() {
  return set().passes_f64;
}
template <>
const RowPasses<bf16>& passes<bf16>() {
  return set().passes_bf16;
}

const Bf16Products* bf16_products() { return chosen().load(std::memory_order_relaxed)->products; }

const char* isa_name() { return chosen().load(std::memory_order_relaxed)->name; }
const char* isa_in_use() { return activation_type() == DType::bf16 ? isa_name() : set().name; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Entry& e : kSets)
    if (e.runs_here()) names.emplace_back(e.name);
  return names;
}

void set_isa(const std::string& name) { chosen() = &named(name, "set_isa"); }

}  // namespace ghost
