// Which range of a tensor's values its 8 bits represent.
#pragma once
#include <string>
#include <vector>

#include "train/export/quantize.h"

namespace ghost::onnx {

enum class Calibration {
  mse,         // the range with the least mean square error of rounding and clipping
  percentile,  // without 0.005 % of the values at either end
};

// The ranges of these values of the graph over all inputs. The inputs are run twice: for the extreme values, and for
// how often the values between them occur.
ValueRanges calibrate(const Graph& graph, const std::vector<std::string>& values, const std::vector<Tensor>& inputs,
                      Calibration by);

}  // namespace ghost::onnx
