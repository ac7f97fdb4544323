#define GHOST_VECTOR_BYTES 32
#include "core/kernels/isa/rows_impl.h"

constinit const ghost::isa::KernelSet ghost::isa::avx2 = kernel_set("avx2");
