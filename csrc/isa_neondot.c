/* NEON with the dot products of ARMv8.2: tiles of bytes only. The rest is NEON's (isa_neon.c). */
#include "isa.h"
#if defined __aarch64__
#if defined __linux__
#include <sys/auxv.h>
#define SUPPORTED ((getauxval(AT_HWCAP) >> 20 & 1) != 0) /* HWCAP_ASIMDDP */
#else
#define SUPPORTED 1 /* Apple's processors */
#endif
#define ISA neondot
#define LANES 4
#define INT8_ROWS 12
#define HAS_DOT
#if defined __clang__
ISA_BEGIN("dotprod")
#else
ISA_BEGIN("arch=armv8.2-a+dotprod")
#endif
#include "vec.inc"
#include "int8_tile.inc"
ISA_END
#endif
