/* AVX-512 with VNNI, an instruction for four products of bytes: tiles of bytes only. The rest is AVX-512's (isa_avx512.c). */
#include "isa.h"
#if defined __x86_64__
#define ISA avx512vnni
#define LANES 16
#define INT8_ROWS 14
#define HAS_DOT
#define SUPPORTED (__builtin_cpu_supports("avx512vnni"))
ISA_BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma")
#include "vec.inc"
#include "int8_tile.inc"
ISA_END
#endif
