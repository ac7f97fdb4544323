#define GHOST_VECTOR_BYTES 16
#define GHOST_ISA_TABLE baseline
#define GHOST_ISA_NAME "baseline"
#include "core/kernels/isa/rows_impl.h"
