#include "core/kernels/rows.h"

#include <atomic>
#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif
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
bool has_avx512bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
// AMX has to be asked for, once by a process for all of its threads.
bool may_use_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kBf16 = 1U << 22, kTiles = 1U << 24;  // of edx
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (kBf16 | kTiles)) != (kBf16 | kTiles)) return false;
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

// Best first; the last one runs everywhere.
constexpr Entry kSets[] = {
#if defined(__x86_64__)
    {"amxbf16", &isa::avx512, &isa::amxbf16_products, [] { return has_avx512bf16() && may_use_tiles(); }},
    {"avx512bf16", &isa::avx512, &isa::avx512bf16_products, has_avx512bf16},
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
