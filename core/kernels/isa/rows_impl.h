// The row kernels of one instruction set. A unit defines GHOST_VECTOR_BYTES, includes this file and defines its table;
// it exports that and nothing else. No std:: templates and no inline functions of shared headers may be used here: they
// would be weak symbols compiled for this instruction set (tests/isa_symbols_test.cpp).
#pragma once
#include "core/kernels/isa/dense_impl.h"
#include "core/kernels/isa/depthwise_impl.h"
#include "core/kernels/isa/grouped_impl.h"
#include "core/kernels/isa/kernel_set.h"
#include "core/kernels/isa/peak_impl.h"
#include "core/kernels/isa/staging_impl.h"
#include "core/kernels/isa/sums_impl.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/isa/winograd_impl.h"

namespace {

template <class S>
constexpr ghost::RowPasses<S> row_passes() {
  using T = ghost::Compute<S>;
  return {.transform = transform_row<S>,
          .gradient = gradient_row<S>,
          .stage = transform_rows<T, S>,
          .stage_gradient = stage_gradient<T, S>,
          .put = put_row<S, T>,
          .sum = sum_row<S>,
          .sums = sums_row<S>,
          .products = products_row<S>,
          .statistics = statistics_row<S>,
          .column_sums = column_sums_row<S>};
}

template <class T>
constexpr ghost::RowKernels<T> row_kernels() {
  return {.dense = dense_row<T>,
          .depthwise = depthwise_row<T>,
          .outer_sums = outer_sums<T>,
          .depthwise_sums = depthwise_sums<T>,
          .grouped = grouped_row<T>,
          .grouped_sums = grouped_sums<T>,
          .winograd_input = winograd_input<T>,
          .winograd_gradient = winograd_gradient<T>,
          .winograd_output = winograd_output<T>,
          .winograd_weights = winograd_weights<T>,
          .winograd_weight_gradient = winograd_weight_gradient<T>,
          .peak = peak_rounds<T>,
          .peak_flops = peak_flops<T>(),
          .lanes = kLanes<T>,
          .max_vectors = max_vectors(),
          .paired_columns = paired_columns<T>()};
}

constexpr ghost::isa::KernelSet kernel_set(const char* name) {
  return {.name = name,
          .vector_bytes = GHOST_VECTOR_BYTES,
          .f32 = row_kernels<float>(),
          .f64 = row_kernels<double>(),
          .passes_f32 = row_passes<float>(),
          .passes_f64 = row_passes<double>(),
          .passes_bf16 = row_passes<ghost::bf16>()};
}

}  // namespace
