// Two configurations in a sentence that claims no more than the noise allows.
#pragma once
#include "train/report/comparison.h"

namespace ghost {

// How configuration b compares with a. Accuracy: paired over equal seeds if there are two or more, Welch's t over
// different ones, else binomial over the test images, paired if both answered the same ones. Speed: in turns on the
// spot, Student's t over the logarithms of the turns' ratios; else by the medians of the runs' epochs, told apart from
// 5 %.
Verdict judge(const Comparison& comparison, size_t a, size_t b);

}  // namespace ghost
