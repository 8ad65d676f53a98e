/* Convolution with blocks of weights: a row of blocks is `block` output channels that share their columns. In NHWC these channels are
 * neighbours, so a tile like that of conv_direct.c computes them, at its speed; it reads a list of positions instead of whole windows.
 *
 * Each tile of pixels is multiplied by several rows of blocks before the next tile, as many as fit with their weights in a near
 * cache: sparse rows use each float of a window rarely, so it must not be fetched again for each row.
 */
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

enum {
    TILES_IN_TASK = 8,    /* pixels whose windows are found together: 112 with AVX-512 */
    TASKS_PER_THREAD = 8, /* so that a fast core can take work from a slow one */
    NEAR_FLOATS = 1 << 14 /* of weights that all tiles of pixels share: 64 KiB of a second-level cache */
};

struct weights {
    size_t block;
    const int32_t *starts, *offsets;
    const float *values, *bias;
};

/* A tile of n_rows output pixels x one row of blocks. y: channel 0 of the first pixel. */
static void block_row(const struct mg_conv *s, const struct kernels *k, const struct weights *w, const float *const *windows, float *y,
                      size_t n_rows, size_t row)
{
    const size_t first = (size_t)w->starts[row], channel = row * w->block, channels = mg_min(w->block, s->cout - channel);
    const struct block_tile t = {.entries = (size_t)w->starts[row + 1] - first,
                                 .offsets = w->offsets + first,
                                 .block = w->block,
                                 .ldy = s->ldy,
                                 .epilogue = mg_epilogue(s, NULL)};
    for (size_t c = 0; c < channels; c += 2 * k->lanes) {
        const size_t n_cols = mg_min(channels - c, 2 * k->lanes);
        mg_block_tile(k, t.entries, mg_height_for(k->heights, n_rows), n_cols > k->lanes ? 2 : 1)(
            &t, windows, w->values + first * w->block + c, w->bias ? w->bias + channel + c : NULL, y + channel + c, n_rows, n_cols);
    }
}

/* Prefetches part `part` of `parts` of `n_rows` pixels: columns in no order are not foreseen by the processor. */
static void look_ahead(size_t channels, const float *const *windows, size_t n_rows, size_t part, size_t parts)
{
    for (size_t i = 0; i < n_rows; i++)
        for (size_t c = channels * part / parts; c < channels * (part + 1) / parts; c += CACHE_LINE)
            __builtin_prefetch(windows[i] + c);
}

/* The end of the rows of blocks from `row` on whose weights stay near; at least one row. */
static size_t near_end(const struct weights *w, size_t row, size_t end)
{
    size_t next = row + 1;
    while (next < end && (size_t)(w->starts[next + 1] - w->starts[row]) * w->block <= NEAR_FLOATS)
        next++;
    return next;
}

/* Output pixels [first, end) x rows of blocks [row, row_end). */
static void block_task(const struct mg_conv *s, const struct kernels *k, const struct weights *w, const float *x, float *y, size_t first,
                       size_t end, size_t row, size_t row_end)
{
    const float *windows[TILES_IN_TASK * MAX_HEIGHT];
    mg_windows_of(s, x, first, end, TILES_IN_TASK * k->heights[0], windows);
    const size_t height = k->heights[0];
    const size_t last = s->kh * s->kw == 1 ? end : first; /* larger windows overlap: most of the next is near already */
    for (size_t next, begin = row; row < row_end; row = next) {
        next = near_end(w, row, row_end);
        for (size_t pixel = first; pixel < end; pixel += height)
            for (size_t r = row; r < next; r++) {
                if (row == begin && pixel + height < last)
                    look_ahead(s->cin, windows + (pixel + height - first), mg_min(height, last - pixel - height), r - row, next - row);
                block_row(s, k, w, windows + (pixel - first), y + pixel * s->ldy, mg_min(height, end - pixel), r);
            }
    }
}

void mg_sparse_conv2d_block(const struct mg_conv *s, size_t block, const float *x, const int32_t *starts, const int32_t *offsets,
                            const float *values, const float *bias, float *y, const struct mg_machine *machine)
{
    mg_check_conv(s);
    assert(s->kw == 1 || s->ldx == s->cin);
    const struct kernels *k = mg_kernels(machine);
    assert(block % k->lanes == 0);
    const struct weights w = {block, starts, offsets, values, bias};
    const size_t pixels = s->n * s->out_h * s->out_w, n_rows = mg_ceil_div(s->cout, block);
    const size_t work = pixels * (size_t)starts[n_rows] * block / MULTIPLY_ADDS,
                 wanted = TASKS_PER_THREAD * (size_t)mg_threads_for(work, machine);
    const size_t pixels_in_task = TILES_IN_TASK * k->heights[0], parts = mg_ceil_div(pixels, pixels_in_task);
    const size_t groups = mg_min(n_rows, mg_ceil_div(wanted, parts ? parts : 1)); /* with few pixels the rows of blocks are split too */

    PARALLEL_FOR(task, parts * groups, work, machine) {
        const size_t first = task / groups * pixels_in_task, group = task % groups;
        block_task(s, k, &w, x, y, first, mg_min(first + pixels_in_task, pixels), n_rows * group / groups, n_rows * (group + 1) / groups);
    }
}
