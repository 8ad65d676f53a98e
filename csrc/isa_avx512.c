/* AVX-512: 32 registers of 16 floats; 14 x 2 accumulators leave room for two weights and one pixel. */
#include "isa.h"
#if defined __x86_64__
#define ISA avx512
#define LANES 16
#define TILE_ROWS 14
#define INT8_ROWS 12
#define BF16_ROWS 12
#define SUPPORTED                                                                                                     \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && \
     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
ISA_BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#include "kernels.inc"
ISA_END
#endif
