/* Sizes, windows and strides: the arithmetic that drivers share, and the structs that pass addresses and strides to inner kernels.
 * Strides are in floats; ldx, ldy, ... are leading dimensions (minigoog.h). */
#ifndef MG_GEOMETRY_H
#define MG_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

/* Limits of all instruction sets, for arrays on the stack; kernels.inc asserts them. */
enum {
    MAX_LANES = 16,  /* floats in a vector; sums across lanes have this many on every instruction set */
    MAX_HEIGHT = 16, /* rows of a register tile */
};

enum {
    HEIGHTS = 3,          /* of register tiles: full, half, one */
    SPARSE_VECTORS = 8,   /* the widest tile of sparse weights, in vectors of pixels */
    SPARSE_AHEAD = 4,     /* of so many weights further on the pixels are prefetched */
    SPARSE_ROWS = 4,      /* output channels of sparse weights that share their columns */
    SHARED_COLUMNS = 4,   /* the widest pooling window whose columns are shared between windows */
    LRN_CHANNELS = 256,   /* whose sums of squares are on the stack together */
    BYTE_SUMS = 256,      /* channels of bytes whose sums are on the stack together */
    CACHE_LINE = 16,      /* in floats */
    LONG_SUM = 1 << 12,   /* the longest running sum of products in a register tile, which are then added up */
    AROUND_ENTRIES = 3,   /* of blocks of sparse weights: a whole tile prefetches nothing with its first and its last two */
    IN_A_CACHE = 1 << 18, /* floats of maps that the layer before may have left in a second-level cache */
    TERMS_IN_SUM = 256,   /* the longest running sum; such sums are added pairwise, so that the error grows with 256 + log(n / 256) terms */
};

static inline size_t mg_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t mg_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t mg_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* The first multiple of b from a on. */
static inline size_t mg_round_up(size_t a, size_t b)
{
    return mg_ceil_div(a, b) * b;
}

/* Reads `pixels` pixels of n floats in the order of memory, before kernels that take a few cache lines of each at a time, which no hardware
   prefetcher follows. Prefetches in that order are dropped where they come faster than memory. */
static inline void mg_fetch(const float *x, size_t pixels, size_t n, size_t ldx)
{
    for (; pixels; pixels--, x += ldx)
        for (size_t i = 0; i < n; i += CACHE_LINE)
            (void)*(const volatile float *)(x + i);
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

/* The windows [first, end) of one axis, of `out`, that have pixel `at` between their first and their last pixel. */
static inline struct mg_span mg_covering(size_t at, size_t k, size_t stride, size_t pad, size_t out)
{
    const size_t last = at + pad;
    return (struct mg_span){last < k ? 0 : (last - k) / stride + 1, mg_min(last / stride + 1, out)};
}

/* Windows along one axis of a map: `out` windows of k pixels, `dilation` apart, each stride pixels after the one before. */
struct axis {
    size_t size, k, stride, pad, pad_after, dilation, out; /* pad: before the map */
};

/* n / dilation, rounded up; without a division where that is 1, as nearly always. */
static inline size_t mg_steps(size_t n, size_t dilation)
{
    return dilation == 1 ? n : mg_ceil_div(n, dilation);
}

/* The pixels of one window that are inside the map: `count` of them, from `first` on; `skipped` are before the map. */
struct covered {
    size_t first, count, skipped;
};

static inline struct covered mg_covered_by(const struct axis *a, size_t out)
{
    const size_t start = out * a->stride, skipped = start < a->pad ? mg_steps(a->pad - start, a->dilation) : 0;
    const size_t first = start + skipped * a->dilation - a->pad;
    if (skipped >= a->k || first >= a->size)
        return (struct covered){0, 0, 0};
    return (struct covered){first, mg_min(mg_steps(a->size - first, a->dilation), a->k - skipped), skipped};
}

/* The windows [first, end) whose pixels are all inside the map. */
static inline struct mg_span mg_whole_windows(const struct axis *a)
{
    const size_t span = (a->k - 1) * a->dilation + 1, first = mg_min(mg_ceil_div(a->pad, a->stride), a->out);
    const size_t end = a->size + a->pad >= span ? mg_min((a->size + a->pad - span) / a->stride + 1, a->out) : 0;
    return (struct mg_span){first, mg_max(first, end)};
}

/* The windows [first, end) whose pixel number `tap` is inside the map. */
static inline struct mg_span mg_windows_with(const struct axis *a, size_t tap)
{
    const size_t at = tap * a->dilation, first = at < a->pad ? mg_ceil_div(a->pad - at, a->stride) : 0;
    const size_t end = a->size + a->pad > at ? mg_min(mg_ceil_div(a->size + a->pad - at, a->stride), a->out) : 0;
    return (struct mg_span){mg_min(first, end), end};
}

/* A window of a convolution: rows x in_row runs of `length` floats; those of a row are `step` floats apart, rows row_step. */
struct mg_runs {
    size_t rows, in_row, length, row_step, step;
};

/* What a tile does with its sums before it writes them: y = activation(sums + residual). The residual's pixels lie as those of y; NULL if
   there is none. */
struct epilogue {
    int activation; /* enum mg_activation, with its settings */
    float alpha, beta;
    const float *residual;
    size_t ldr;
};

/* The operands of a convolution's tile (gemm_tile.inc). */
struct conv_tile {
    struct mg_runs runs;
    size_t ldy;
    struct epilogue epilogue;
    const float *ahead; /* what will be read next: prefetched with each position, `ahead_step` floats further on */
    size_t ahead_step;
};

/* Has tiles of `positions` positions in all prefetch the `floats` from `at` on if they all are before `end`, else nothing: memory that is not
   mapped never faults, but made a first-generation EPYC 8 times slower. here: any address that will be read. */
static inline void mg_look_ahead(struct conv_tile *t, const float *at, size_t floats, size_t positions, const float *end, const float *here)
{
    const int inside = floats <= (size_t)(end - at);
    t->ahead = inside ? at : here;
    t->ahead_step = inside ? floats / positions : 0;
}

/* One row of outputs of a depthwise convolution (depthwise.inc). */
struct depthwise_row {
    size_t channels, rows; /* rows: how many rows of taps are inside the map */
    struct axis cols;
    struct mg_span inner;        /* the windows that are inside the map */
    size_t x_row, x_col, x_step; /* from one tap to the next, down and across, and from one window to the next */
    size_t w_row, w_col;         /* the same of the weights of two taps */
    size_t ldx, ldy;
    size_t ahead, ahead_rows; /* rows of x to prefetch: floats from x to the first, and how many */
    struct epilogue epilogue; /* residual: of the row */
};

/* A block of output pixels of a weight gradient (gemm_tile.inc). */
struct weight_tile {
    size_t images, rows, pixels;  /* a row has `pixels` output pixels */
    size_t x_image, x_row, x_col; /* from the window of one output pixel to that of the next image, row, column */
    size_t lddw;
};

/* Rows of blocks of sparse weights (block_tile.inc). */
struct block_rows {
    size_t block, cout;              /* output channels of a row, and of all */
    const int32_t *starts, *offsets; /* row i has entries starts[i] to starts[i + 1] */
    const float *values, *bias;      /* [entries, block]; [cout] or NULL */
    size_t ldy;
    struct epilogue epilogue; /* residual: of channel 0 of the tile's first pixel */
    const float *ahead;       /* what the next tile reads: prefetched with each entry, ahead_step floats further on */
    size_t ahead_step;
};

/* One row of pooling windows of neighbouring columns (max_row.inc). */
struct pool_row {
    size_t channels, rows, row_step; /* how many rows of pixels the windows cover, and floats from one to the next */
    size_t w, kw, stride, pad, out_w;
    size_t ldx, ldy;
};

/* The pixels of one pooling window (pool.inc): rows x cols of them, row_step and col_step pixels apart, each ldx floats after the last. */
struct pool_window {
    size_t channels, rows, cols, row_step, col_step, ldx;
};

#endif
