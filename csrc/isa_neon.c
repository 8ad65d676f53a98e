/* NEON: 32 registers of 4 floats; part of every 64-bit ARM, so it needs no region and no check of the CPU. */
#include "isa.h"
#if defined __aarch64__
#define ISA neon
#define LANES 4
#define TILE_ROWS 12
#define INT8_ROWS 8
#define BF16_ROWS 8
#define SUPPORTED 1
#include "kernels.inc"
#endif
