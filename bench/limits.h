// What this machine gives at most, with the chosen instruction set and the current number of threads.
#pragma once
#include <cstdint>
#include <vector>

namespace ghost::bench {

struct Limits {
  double flops = 0;  // f32 multiplications and additions per second, of operands in registers
  double bytes = 0;  // per second between processor and main memory: a[i] = b[i] + s · c[i], three arrays counted
                     // (McCalpin's STREAM triad); what a write reads into the cache before is not counted
};

// Both are the best of several short measurements, so a limit is what the machine can, not what it is let. Takes about
// half a second, and meanwhile three arrays that are each four times as large as the last cache.
Limits measure_limits();

double median(std::vector<double> values);  // values must not be empty

}  // namespace ghost::bench
