/* One row of the table of kernels: the inner kernels of one instruction set. Their contracts are next to their definitions (*.inc). */
#ifndef MG_KERNELS_H
#define MG_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include "geometry.h"
#include "minigoog.h"

/* Register tiles (gemm_tile.inc, block_tile.inc, spmm.inc). */
typedef void conv_tile_fn(const struct conv_tile *t, const float *const *rows, const float *panel, float *y, size_t n_rows, size_t n_cols);
typedef void weight_tile_fn(const struct weight_tile *t, const float *x, const float *panel, float *dw, size_t first_row, size_t n_cols);

typedef void block_row_fn(const struct block_rows *t, size_t row, const float *const *rows, float *y, size_t n_rows);
typedef void block_rows_fn(const struct block_rows *t, const float *const *rows, float *y, size_t n_rows, size_t row, size_t end);
typedef void sparse_tile_fn(size_t rows, const int32_t *starts, const int32_t *offsets, const float *values, const float *panel,
                            float *sums, int is_more);
typedef void sparse_dot_fn(size_t entries, const int32_t *offsets, const float *dy, const float *panel, float *dvalues, size_t step);

/* One row of an elementwise operation y = f(a, b): n floats (activation.inc). */
typedef void elementwise_fn(size_t n, const float *a, const float *b, float *y, float alpha, float beta);

struct activation {
    elementwise_fn *forward, *backward; /* forward: a = x, b is not read; backward: a = the array that forward keeps, b = dy, y = dx */
};

/* The transforms that compute a tile of outputs at a time; input_edge, whose tile may lie over the edge of the map, is NULL for F(3x3, 4x4);
   the last two, of the weight gradient, for F(2x2, 3x3). */
struct winograd {
    void (*input)(size_t channels, const float *x, size_t ldx, size_t x_row, float *v, size_t v_position);
    void (*input_edge)(size_t channels, const float *x, size_t ldx, size_t x_row, struct mg_span rows, struct mg_span cols, float *v,
                       size_t v_position);
    void (*weights)(size_t n, const float *w, size_t w_tap, float *u, size_t u_position);
    void (*output)(size_t channels, const float *m, const float *bias, const struct epilogue *e, float *y, size_t ldy, size_t width,
                   size_t rows, size_t cols);
    void (*output_transposed)(size_t channels, size_t width, const float *dy, size_t ldy, size_t y_row, size_t rows, size_t cols, float *d,
                              size_t d_position);
    void (*weights_transposed)(size_t n, const float *m, size_t m_position, float *dw, size_t w_tap);
};

/* Rows of maps of bytes (int8_maps.inc). */
struct byte_rows {
    void (*quantize)(size_t n, float factor, int32_t zero, const float *x, uint8_t *y);
    void (*quantize_image)(size_t n, size_t c, const float *factors, const float *zeros, const float *x, uint8_t *y);
    void (*dequantize)(size_t n, float factor, int32_t zero, const uint8_t *x, float *y);
    void (*max_window)(const struct pool_window *s, const uint8_t *x, uint8_t *y);
    void (*mean_window)(const struct pool_window *s, float factor, const uint8_t *x, float *y);
};

/* Rows of maps of bf16 (bf16_maps.inc, bf16_rows.inc). */
struct half_rows {
    void (*to_bf16)(size_t n, const float *x, uint16_t *y);
    void (*from_bf16)(size_t n, const uint16_t *x, float *y);
    void (*max_window)(const struct pool_window *s, const uint16_t *x, uint16_t *y);
    int (*max_row)(const struct pool_row *r, const uint16_t *x, uint16_t *y);
    void (*mean_window)(const struct pool_window *s, float count, const uint16_t *x, float *y);
    void (*pair_rows)(size_t n, const uint16_t *a, const uint16_t *b, int32_t *words);
    void (*pair_float_rows)(size_t n, const float *a, const float *b, int32_t *words);
    void (*relu_sums)(size_t rows, size_t n, const uint16_t *y, size_t ldy, const float *dy, size_t lddy, float *dz, uint16_t *halves,
                      size_t lddz, float *sums);
    void (*max_index)(const struct pool_window *s, const uint16_t *x, uint16_t *y, uint8_t *index);
    void (*max_backward)(size_t channels, size_t windows, const int32_t *taps, const uint8_t *const *index, const float *const *dy,
                         float *dx);
};

struct kernels {
    int (*supported)(void);
    size_t lanes;
    size_t heights[HEIGHTS];             /* of the tiles, tallest first; the last is 1 */
    conv_tile_fn *conv_tile[HEIGHTS][2]; /* [height][vectors - 1] */
    weight_tile_fn *weight_tile[HEIGHTS][2];
    block_rows_fn *block_rows[HEIGHTS];
    conv_tile_fn *long_conv_tile[HEIGHTS][2]; /* for sums of more than LONG_SUM terms: see mg_conv_tile */
    conv_tile_fn *run_tile[HEIGHTS][2];       /* for windows of one run */
    conv_tile_fn *tall_tile[2];               /* the same for more than heights[0], up to tall_rows; tall_rows is 0 where there is none */
    size_t tall_rows;
    void (*pack_panel)(size_t n_rows, size_t n, size_t width, const float *rows, size_t ld, float *panel);
    void (*transpose_matrix)(size_t rows, size_t cols, const float *a, size_t lda, float *at, size_t ldat);
    void (*shuffle_pixel)(size_t groups, size_t n, const float *a, float *y);
    struct winograd winograd[4]; /* F(2x2, 3x3), F(4x4, 3x3), F(2x2, 5x5), F(3x3, 4x4) of folded maps */
    void (*pack_pixels)(size_t channels, const float *const *pixels, size_t ldx, float *panel, size_t line);
    void (*shift_lines)(size_t lines, size_t copies, size_t width, float *panel, size_t line);
    void (*store_pixels)(size_t channels, size_t width, const float *sums, const float *bias, const struct epilogue *e,
                         float *const *residuals, float *const *pixels, size_t first);
    sparse_tile_fn *sparse_tile[SPARSE_VECTORS]; /* [vectors - 1] */
    sparse_dot_fn *sparse_dot[SPARSE_VECTORS];   /* [groups - 1] */
    const struct activation *activations;        /* [MG_ACTIVATIONS] */
    elementwise_fn *add, *copy;
    void (*accumulate)(size_t n, const float *x, float *y);
    void (*relu_sums)(size_t rows, size_t n, const float *y, size_t ldy, const float *dy, size_t lddy, float *dz, size_t lddz, float *sums);
    void (*max_window)(const struct pool_window *s, const float *x, int32_t first, float *y, void *index, int is_short, size_t at);
    void (*max_row)(const struct pool_row *r, const float *x, float *y);
    int (*max_row_index)(const struct pool_row *r, const float *x, size_t first, float *y, void *index, int is_short, size_t at);
    void (*max_pixel_backward)(size_t channels, size_t rows, size_t cols, size_t out_w, int32_t pixel, const void *index, int is_short,
                               size_t first, const float *dy, size_t ldy, float *dx);
    void (*mean_window)(const struct pool_window *s, const float *x, float count, float *y);
    void (*lrn_pixel)(size_t c, size_t size, float alpha, float k, const float *x, float *y);
    void (*add_scaled)(size_t channels, float scale, const float *x, float *y);
    float (*softmax_row)(size_t n, const float *x, float *y, float *largest);
    void (*softmax_row_backward)(size_t n, const float *y, const float *dy, float *dx);
    void (*sgd)(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w);
    void (*average)(size_t n, float share, const float *w, float *average);
    void (*moments)(size_t rows, size_t channels, const float *x, size_t ldx, float *mean, float *m2);
    void (*normalize)(size_t rows, size_t channels, const float *x, size_t ldx, const float *mean, const float *scale, const float *shift,
                      int relu, float *y, size_t ldy);
    void (*affine)(size_t rows, size_t channels, const float *x, size_t ldx, const float *scale, const float *shift,
                   const struct epilogue *e, float *y, size_t ldy);
    void (*norm_sums)(size_t rows, size_t channels, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                      const float *scale, const float *shift, float *sum_dz, float *sum_dzx);
    void (*norm_backward)(size_t rows, size_t channels, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                          const float *shift, const float *factors, float *dx, size_t lddx);
    void (*depthwise_row)(const struct depthwise_row *r, const float *x, const float *w, const float *bias, float *y);
    void (*depthwise_weight_row)(const struct depthwise_row *r, const float *x, const float *dy, float *dw);
    void (*peak)(size_t rounds, float *sink);
    double peak_flops; /* of one round of peak */
    const struct byte_rows *byte_rows;
    const struct half_rows *half_rows;
    size_t shared_vectors;                       /* the widest tile of sparse weights that share their columns */
    sparse_tile_fn *shared_tile[SPARSE_VECTORS]; /* [vectors - 1] */
    size_t sparse_vectors;                       /* the widest tile of other sparse weights */
    size_t sparse_near;                          /* floats of a panel that all rows of weights go through before others; 0: any number */
};

extern const struct kernels mg_kernels_avx512, mg_kernels_avx2, mg_kernels_neon, mg_kernels_plain;

/* The row of the machine's instruction set. */
const struct kernels *mg_kernels(const struct mg_machine *machine);

/* The lowest register tile that holds the last n rows, from number `height` on, which holds them. */
static inline int mg_rest_height(const struct kernels *k, int height, size_t n)
{
    while (height + 1 < HEIGHTS && k->heights[height + 1] >= n)
        height++;
    return height;
}

/* Weights are packed in panels of two vectors of output channels; the last one has one vector if that is enough. */
static inline size_t mg_panel_width(const struct kernels *k, size_t cout, size_t panel)
{
    const size_t left = cout - panel * 2 * k->lanes;
    return left <= k->lanes ? k->lanes : 2 * k->lanes;
}

static inline size_t mg_panel_count(const struct kernels *k, size_t cout)
{
    return (cout + 2 * k->lanes - 1) / (2 * k->lanes);
}

/* rows[0] = the sum of n rows of `size` floats, `ld` floats apart, added pairwise in place: the error grows with log(n). */
static inline void mg_add_pairwise(const struct kernels *k, size_t n, size_t size, float *rows, size_t ld)
{
    for (size_t step = 1; step < n; step *= 2)
        for (size_t i = 0; i + step < n; i += 2 * step)
            k->accumulate(size, rows + (i + step) * ld, rows + i * ld);
}

/* The number of the lowest tile that holds n rows. */
static inline int mg_height_for(const size_t heights[HEIGHTS], size_t n)
{
    int height = 0;
    while (height + 1 < HEIGHTS && heights[height + 1] >= n)
        height++;
    return height;
}

/* The tiles of one or two vectors for windows of `runs`, sums of `terms` products. */
static inline conv_tile_fn *mg_conv_tile(const struct kernels *k, const struct mg_runs *runs, size_t terms, int height, size_t vectors)
{
    const int one_run = runs->rows * runs->in_row == 1;
    return (terms > LONG_SUM ? k->long_conv_tile : one_run ? k->run_tile : k->conv_tile)[height][vectors - 1];
}

/* The tiles of n_rows output pixels, the last one as low as it can be; see gemm_tile.inc. */
static inline void mg_conv_tiles(const struct kernels *k, const struct conv_tile *t, size_t terms, size_t vectors, const float *const *rows,
                                 const float *panel, float *y, size_t n_rows, size_t n_cols)
{
    const size_t rest = n_rows % k->heights[0];
    const int one_run = t->runs.rows * t->runs.in_row == 1 && terms <= LONG_SUM;
    const int tall = one_run && rest && n_rows > rest && k->heights[0] + rest <= k->tall_rows;
    const int height = rest ? mg_height_for(k->heights, rest) : 0;
    const size_t last_rows = tall ? k->heights[0] + rest : rest, full = tall || height ? n_rows - last_rows : n_rows;
    if (full)
        mg_conv_tile(k, &t->runs, terms, 0, vectors)(t, rows, panel, y, full, n_cols);
    if (full == n_rows)
        return;
    struct conv_tile last = *t;
    last.ahead += full / k->heights[0] * terms * t->ahead_step;
    last.epilogue.residual = t->epilogue.residual ? t->epilogue.residual + full * t->epilogue.ldr : NULL;
    conv_tile_fn *tile = tall ? k->tall_tile[vectors - 1] : mg_conv_tile(k, &t->runs, terms, height, vectors);
    tile(&last, rows + full, panel, y + full * t->ldy, last_rows, n_cols);
}

#endif
