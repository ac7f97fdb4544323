#define GHOST_VECTOR_BYTES 16
#include "core/kernels/isa/rows_impl.h"

constinit const ghost::isa::KernelSet ghost::isa::baseline = kernel_set("baseline");
