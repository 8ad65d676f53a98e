/* AVX2 with FMA: 16 registers of 8 floats; 6 x 2 accumulators leave room for two weights and one pixel. */
#include "isa.h"
#if defined __x86_64__
#define ISA avx2
#define LANES 8
#define TILE_ROWS 6
#define INT8_ROWS 4
#define BF16_ROWS 6
#define SUPPORTED (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
ISA_BEGIN("avx2,fma")
#include "kernels.inc"
ISA_END
#endif
