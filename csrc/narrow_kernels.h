/* The inner kernels of one instruction set for values of one or two bytes. Their contracts are next to their definitions (int8_*.inc, bf16_*.inc). */
#ifndef MG_NARROW_KERNELS_H
#define MG_NARROW_KERNELS_H

#include "kernels.h"

/* The operands of a tile (int8_tile.inc, bf16_tile.inc). */
struct narrow_tile {
    struct mg_runs runs; /* in bytes */
    size_t words, tail;  /* a run is so many words of 4 bytes, and `tail` bytes more */
    float low, high;     /* the limits of y */
    size_t ldy;          /* in elements of y */
    int to_float;        /* whether y is float32 */
};

typedef void narrow_tile_fn(const struct narrow_tile *t, const uint8_t *const *rows, const int32_t *panel, void *y, size_t n_rows,
                            size_t n_cols);

/* Bytes as pairs of 16 bits (int8_pairs.inc). */
struct int8_pairs {
    void (*tile[HEIGHTS][2])(size_t pairs, const int32_t *v, const int32_t *u, uint32_t *m);
    struct {
        void (*input)(size_t words, const uint8_t *const *rows, const size_t *cols, int32_t *v, size_t v_position);
        void (*weights)(size_t words, size_t width, const int32_t *panel, int32_t *u, size_t u_position);
        void (*output)(size_t channels, size_t width, const uint32_t *m, size_t m_position, const int32_t *panel,
                       const struct narrow_tile *t, uint8_t *y, size_t y_row, size_t rows, size_t cols);
    } transforms[2]; /* of 1x1 windows, of 3x3 windows */
};

/* F(2x2, 3x3) of bf16 (bf16_winograd.inc). */
struct half_winograd {
    void (*input)(size_t channels, const uint16_t *const *rows, const size_t *cols, uint16_t *v, size_t v_position);
    void (*products[HEIGHTS][2])(size_t words, const uint16_t *v, size_t apart, const int32_t *panel, float *m, size_t ldm);
    void (*output)(size_t channels, const float *m, size_t m_position, const float *bias, const struct narrow_tile *t, uint16_t *y,
                   size_t y_row, size_t rows, size_t cols);
};

/* A block of pairs of output pixels of a weight gradient of bf16 (bf16_weight_tile.inc); strides in words. */
struct pairs_tile {
    size_t images, rows, pairs;    /* a row has `pairs` pairs of output pixels */
    size_t x_image, x_row, x_pair; /* from the window of a pair to that of the next image, row, pair */
    size_t lddw;
};

typedef void pairs_tile_fn(const struct pairs_tile *t, const int32_t *x, const int32_t *panel, float *dw, size_t first_row, size_t n_cols);

struct narrow_kernels {
    int (*supported)(void);
    int has_dot;                            /* whether one instruction multiplies all values of a word */
    size_t bytes;                           /* of a value */
    size_t header;                          /* lines of a panel before its weights */
    size_t heights[HEIGHTS];                /* of the tiles, tallest first; the last is 1 */
    narrow_tile_fn *tile[HEIGHTS][2];       /* [height][vectors - 1] */
    const struct int8_pairs *pairs;         /* of bytes */
    const struct half_winograd *winograd;   /* of bf16 */
    pairs_tile_fn *weight_tile[HEIGHTS][2]; /* of bf16: as `tile` */
    void (*peak)(size_t rounds, int32_t *sink);
    double peak_operations; /* of one round of peak */
};

extern const struct narrow_kernels mg_int8_kernels_avx512vnni, mg_int8_kernels_avx512, mg_int8_kernels_avx2, mg_int8_kernels_neondot,
    mg_int8_kernels_neon, mg_int8_kernels_plain;
extern const struct narrow_kernels mg_bf16_kernels_avx512bf16, mg_bf16_kernels_avx512, mg_bf16_kernels_avx2, mg_bf16_kernels_neon,
    mg_bf16_kernels_plain;

/* The row of the machine's instruction set, with instructions for dot products where this CPU has them. (dispatch.c) */
const struct narrow_kernels *mg_int8_kernels(const struct mg_machine *machine);
const struct narrow_kernels *mg_bf16_kernels(const struct mg_machine *machine);

/* A window as runs of bytes. (narrow.c) */
struct mg_runs mg_narrow_runs(const struct narrow_kernels *q, const struct mg_conv *s);
/* Words of the panels of one group. (narrow.c) */
size_t mg_narrow_panels_size(const struct narrow_kernels *q, const struct mg_conv *s, const struct mg_machine *machine);
/* Packs the weights w [kh, kw, cin, cout] of one group behind the headers of its panels, which start as zeros. header(of, panel, width,
   first, n) writes that of n channels from `first` on. (narrow.c) */
void mg_narrow_pack(const struct narrow_kernels *q, const struct mg_conv *s, const void *w,
                    void (*header)(const void *of, int32_t *panel, size_t width, size_t first, size_t n), const void *of, int32_t *panels,
                    const struct mg_machine *machine);
/* The convolution s of values of q->bytes bytes, its limits alpha and beta; y: float32, or as many bytes. (narrow.c) */
void mg_narrow_conv2d(const struct narrow_kernels *q, const struct mg_conv *s, const void *x, const int32_t *panels, int to_float, void *y,
                      const struct mg_machine *machine);
/* q->peak on every thread; returns the number of products and sums. (narrow.c) */
double mg_narrow_peak(const struct narrow_kernels *q, size_t rounds, const struct mg_machine *machine);

#endif
