#include "core/kernels/rows.h"

#include <atomic>
#include <cstdlib>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/kernels/isa.h"
#include "core/kernels/isa/kernel_set.h"

namespace ghost {
namespace {

struct Entry {
  const isa::KernelSet* set;
  bool (*runs_here)();
};

// Best first; the last one runs everywhere.
constexpr Entry kSets[] = {
#if defined(__x86_64__)
    {&isa::avx512,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
     }},
    {&isa::avx2,
     [] {
       return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("bmi2");
     }},
#endif
    {&isa::baseline, [] { return true; }},
};

const isa::KernelSet& named(const std::string& name, const char* who) {
  for (const Entry& e : kSets)
    if (e.set->name == name && e.runs_here()) return *e.set;
  bool known = name == "avx512" || name == "avx2";
  fail_usage("{}: \"{}\" {}; possible here: {}", who, name,
             known ? "needs instructions this processor does not have" : "is not an instruction set",
             fmt::join(available_isas(), ", "));
}

const isa::KernelSet& choice_at_start() {
  const char* forced = std::getenv("GHOST_ISA");
  if (forced && *forced) return named(forced, "GHOST_ISA");
  for (const Entry& e : kSets)
    if (e.runs_here()) return *e.set;
  return isa::baseline;
}

std::atomic<const isa::KernelSet*>& chosen() {
  static std::atomic<const isa::KernelSet*> set{&choice_at_start()};
  return set;
}

}  // namespace

template <>
const RowKernels<float>& rows<float>() {
  return chosen().load(std::memory_order_relaxed)->f32;
}
template <>
const RowKernels<double>& rows<double>() {
  return chosen().load(std::memory_order_relaxed)->f64;
}

template <>
const RowPasses<float>& passes<float>() {
  return chosen().load(std::memory_order_relaxed)->passes_f32;
}
template <>
const RowPasses<double>& passes<double>() {
  return chosen().load(std::memory_order_relaxed)->passes_f64;
}
template <>
const RowPasses<bf16>& passes<bf16>() {
  return chosen().load(std::memory_order_relaxed)->passes_bf16;
}

const char* isa_name() { return chosen().load(std::memory_order_relaxed)->name; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Entry& e : kSets)
    if (e.runs_here()) names.emplace_back(e.set->name);
  return names;
}

void set_isa(const std::string& name) { chosen() = &named(name, "set_isa"); }

}  // namespace ghost
