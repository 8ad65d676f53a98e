/* AVX-512 with BF16, an instruction for two products of bf16: tiles of bf16 only. The rest is AVX-512's (isa_avx512.c). */
#include "isa.h"
#if defined __x86_64__
#define ISA avx512bf16
#define LANES 16
#define BF16_ROWS 14
#define HAS_BF16_DOT
#define SUPPORTED (__builtin_cpu_supports("avx512bf16"))
ISA_BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma")
#include "vec.inc"
#include "bf16_tile.inc"
ISA_END
#endif
