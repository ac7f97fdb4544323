// The comparison of two configurations as a sentence that includes the uncertainty.
#pragma once
#include "train/report/comparison.h"

namespace ghost {

// Compares configuration b with a. Accuracy: a paired t-test over equal seeds if there are two or more, Welch's t-test
// over different seeds, both with the sampling error of the test images; else the latter alone. That is binomial,
// paired if both predicted the same images. Speed: Student's t over the logarithms of the ratios of alternating turns
// on this machine, if measured; else the medians of the runs' epochs, which count as different from 5 % on.
Verdict judge(const Comparison& comparison, size_t a, size_t b);

}  // namespace ghost
