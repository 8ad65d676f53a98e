/* The version for every machine: four floats at a time (SSE2 on x86-64), without extensions of the instruction set. */
#include "isa.h"
#define ISA plain
#define LANES 4
#define TILE_ROWS 4
#define INT8_ROWS 4
#define BF16_ROWS 4
#define SUPPORTED 1
#include "kernels.inc"
