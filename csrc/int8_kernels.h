/* The inner kernels of one instruction set that compute with bytes. Their contracts are next to their definitions (int8_*.inc). */
#ifndef MG_INT8_KERNELS_H
#define MG_INT8_KERNELS_H

#include "kernels.h"

/* The operands of a tile (int8_tile.inc). */
struct int8_tile {
    struct mg_runs runs; /* in bytes */
    size_t words, tail;  /* a run is so many words of 4 bytes, and `tail` bytes more */
    float low, high;     /* the limits of y */
    size_t ldy;          /* in elements of y */
    int to_float;        /* whether y is float32, not codes */
};

typedef void int8_tile_fn(const struct int8_tile *t, const uint8_t *const *rows, const int32_t *panel, void *y, size_t n_rows,
                          size_t n_cols);

struct int8_kernels {
    int (*supported)(void);
    int has_dot;
    size_t heights[HEIGHTS];        /* of the tiles, tallest first; the last is 1 */
    int8_tile_fn *tile[HEIGHTS][2]; /* [height][vectors - 1] */
    void (*peak)(size_t rounds, int32_t *sink);
    double peak_operations; /* of one round of peak */
};

extern const struct int8_kernels mg_int8_kernels_avx512vnni, mg_int8_kernels_avx512, mg_int8_kernels_avx2, mg_int8_kernels_neondot,
    mg_int8_kernels_neon, mg_int8_kernels_plain;

/* The row of the machine's instruction set, with instructions for dot products where this CPU has them. */
const struct int8_kernels *mg_int8_kernels(const struct mg_machine *machine);

#endif
