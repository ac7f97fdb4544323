#define GHOST_VECTOR_BYTES 64
#include "core/kernels/isa/kernel_set.h"
#include "core/kernels/isa/paired_impl.h"

constinit const ghost::Bf16Products ghost::isa::avx512bf16_products{.row = row_panel<>,
                                                                    .sums = paired_sums,
                                                                    .pair_pixels = pair_pixels,
                                                                    .tiled = false,
                                                                    .lanes = L,
                                                                    .max_vectors = kMaxVectors};
