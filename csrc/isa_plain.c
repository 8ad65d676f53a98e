/* What every machine runs: four floats at a time (SSE2 on x86-64), no instruction set asked for. */
#include "isa.h"
#define ISA plain
#define ISA_NAME "plain"
#define LANES 4
#define TILE_ROWS 6
#define SUPPORTED 1
#include "kernels.inc"
