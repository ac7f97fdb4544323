#define GHOST_VECTOR_BYTES 64
#define GHOST_ISA_TABLE avx512
#define GHOST_ISA_NAME "avx512"
#include "core/kernels/isa/rows_impl.h"
