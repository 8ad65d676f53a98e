/* One row of the dispatch table: the inner kernels of one instruction set. Their contracts stand where they are defined (*.inc). */
#ifndef MG_KERNELS_H
#define MG_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct conv_tile {
    size_t runs, run, run_stride; /* a window: runs of floats, each run_stride after the one before */
    size_t y_pixel;
    int relu;
    const float *ahead; /* what will be read next: any address, it is only a hint */
};

struct weight_tile {
    size_t images, rows, pixels;   /* the block of output pixels */
    size_t x_image, x_row, x_pixel; /* floats of x from one to the next */
    size_t dw_row;
};

struct block_tile {
    size_t entries; /* of a row of blocks */
    const int32_t *offsets;
    size_t block; /* floats from the values of one entry to those of the next */
    size_t y_pixel;
    int relu;
};

typedef void conv_tile_fn(const struct conv_tile *t, const float *const *rows, const float *panel, float *y, size_t n_rows, size_t n_cols);
typedef void weight_tile_fn(const struct weight_tile *t, const float *x, const float *panel, float *dw, size_t first_row, size_t n_cols);

/* One row of pooling windows; `rows` is how many rows of pixels of the map they cover. */
struct pool_row {
    size_t channels, rows, w, kw, stride, pad, out_w;
    size_t x_pixel, y_pixel;
};

/* The transforms that compute a tile of outputs at a time; the last two, of the weight gradient, are NULL for F(2x2, 3x3). */
struct winograd {
    void (*input)(size_t channels, const float *x, size_t x_pixel, size_t x_row, float *v, size_t v_position);
    void (*weights)(size_t n, const float *w, size_t w_tap, float *u, size_t u_position);
    void (*output)(size_t channels, const float *m, size_t m_position, const float *bias, int relu, float *y, size_t y_pixel, size_t y_row,
                   size_t rows, size_t cols);
    void (*output_transposed)(size_t channels, size_t width, const float *dy, size_t y_pixel, size_t y_row, size_t rows, size_t cols,
                              float *d, size_t d_position);
    void (*weights_transposed)(size_t n, const float *m, size_t m_position, float *dw, size_t w_tap);
};

typedef void block_tile_fn(const struct block_tile *t, const float *const *rows, const float *values, const float *bias, float *y,
                           size_t n_rows, size_t n_cols);
typedef void sparse_tile_fn(size_t rows, const int32_t *starts, const int32_t *offsets, const float *values, const float *panel, float *sums);
typedef void sparse_dot_fn(size_t entries, const int32_t *offsets, const float *dy, const float *panel, float *dvalues, size_t step);

enum { HEIGHTS = 3, MG_SHARED = 4, LANES_AT_MOST = 16, CACHE_LINE = 16 }; /* a cache line in floats */

enum { SPARSE_VECTORS = 6 }; /* the widest tile of sparse weights, in vectors of pixels */

struct kernels {
    const char *name;
    int (*supported)(void);
    size_t lanes;
    size_t heights[HEIGHTS];              /* of the tiles, tallest first; the last is 1 */
    conv_tile_fn *conv_tile[HEIGHTS][2];  /* [height][vectors - 1] */
    weight_tile_fn *weight_tile[HEIGHTS][2];
    block_tile_fn *block_tile[HEIGHTS][2];
    void (*pack_panel)(size_t n_rows, size_t n, size_t width, const float *rows, size_t row_stride, float *panel);
    void (*transpose_matrix)(size_t rows, size_t cols, const float *a, size_t a_row, float *at, size_t at_row);
    struct winograd winograd[3]; /* F(2x2, 3x3), F(4x4, 3x3), F(2x2, 5x5) */
    void (*pack_pixels)(size_t channels, const float *const *pixels, size_t x_pixel, float *panel, size_t line);
    void (*store_pixels)(size_t channels, size_t width, const float *sums, const float *bias, int relu, float *const *pixels, size_t first);
    sparse_tile_fn *sparse_tile[SPARSE_VECTORS]; /* [vectors - 1] */
    sparse_dot_fn *sparse_dot[SPARSE_VECTORS];
    void (*relu)(size_t n, const float *a, const float *b, float *y);
    void (*add)(size_t n, const float *a, const float *b, float *y);
    void (*max_window)(size_t channels, size_t rows, size_t cols, const float *x, size_t x_pixel, size_t width, int32_t first,
                       float *y, int32_t *index);
    void (*max_row)(const struct pool_row *r, const float *x, float *y);
    void (*max_pixel_backward)(size_t channels, size_t rows, size_t cols, size_t out_w, int32_t pixel, const int32_t *index, const float *dy,
                               size_t y_pixel, float *dx);
    void (*sum_window)(size_t channels, size_t rows, size_t cols, const float *x, size_t x_pixel, size_t width, float scale, float *y);
    void (*add_scaled)(size_t channels, float scale, const float *x, float *y);
    float (*softmax_row)(size_t n, const float *x, float *y, float *largest);
    void (*sgd)(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w);
    void (*moments)(size_t rows, size_t channels, const float *x, size_t x_pixel, float *mean, float *m2);
    void (*normalize)(size_t rows, size_t channels, const float *x, size_t x_pixel, const float *mean, const float *scale,
                      const float *shift, int relu, float *y, size_t y_pixel);
    void (*norm_sums)(size_t rows, size_t channels, const float *x, size_t x_pixel, const float *y, size_t y_pixel, const float *dy,
                      size_t dy_pixel, const float *mean, float *sum_dz, float *sum_dzx);
    void (*norm_backward)(size_t rows, size_t channels, const float *x, size_t x_pixel, const float *y, size_t y_pixel,
                          const float *dy, size_t dy_pixel, const float *mean, const float *factors, float *dx);
    void (*peak)(size_t rounds, float *sink);
    double peak_flops; /* of one round of peak */
};

extern const struct kernels mg_kernels_avx512, mg_kernels_avx2, mg_kernels_neon, mg_kernels_plain;

/* The row in use. */
const struct kernels *mg_kernels(void);

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

/* The lowest tile that still holds n rows. */
static inline int mg_height_for(const struct kernels *k, size_t n)
{
    int height = 0;
    while (height + 1 < HEIGHTS && k->heights[height + 1] >= n)
        height++;
    return height;
}

static inline size_t mg_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t mg_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* The pixels [first, end) of one axis that the pooling window at `out` covers. */
struct mg_span {
    size_t first, end;
};

static inline struct mg_span mg_covered(size_t out, size_t k, size_t stride, size_t pad, size_t size)
{
    const size_t first = out * stride, end = first + k;
    return (struct mg_span){first > pad ? first - pad : 0, mg_min(end > pad ? end - pad : 0, size)};
}

#endif
