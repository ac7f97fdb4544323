// Random numbers of the beta distribution, for mixup and cutmix.
#pragma once
#include "core/rng.h"

namespace ghost {

// Beta(alpha, alpha), alpha > 0: symmetric about 1/2. Near 0 or 1 for small alpha, uniform for 1.
double symmetric_beta(double alpha, RandomStream& random);

}  // namespace ghost
