#define GHOST_VECTOR_BYTES 64
#include "core/kernels/isa/rows_impl.h"

constinit const ghost::isa::KernelSet ghost::isa::avx512 = kernel_set("avx512");
