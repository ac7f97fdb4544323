#define GHOST_VECTOR_BYTES 32
#define GHOST_ISA_TABLE avx2
#define GHOST_ISA_NAME "avx2"
#include "core/kernels/isa/rows_impl.h"
