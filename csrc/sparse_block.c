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
    TILES_IN_TASK = 8,           /* at least: 112 pixels with AVX-512 */
    MOST_IN_TASK = 32,           /* tiles whose windows are found together */
    TASKS_PER_THREAD = 8,        /* so that a fast core can take work from a slow one */
    MOST_AHEAD = 6 * CACHE_LINE, /* to prefetch with an entry: more than the time of its multiply-adds allows */
    NEAR_FLOATS = 1 << 14        /* of weights that all tiles of pixels share: 64 KiB of a second-level cache */
};

/* The end of the rows of blocks from `row` on whose weights stay near; at least one row. */
static size_t near_end(const struct block_rows *w, size_t row, size_t end)
{
    size_t next = row + 1;
    while (next < end && (size_t)(w->starts[next + 1] - w->starts[row]) * w->block <= NEAR_FLOATS)
        next++;
    return next;
}

/* How many floats of a tile to prefetch with each of `all` entries, of which whole tiles do so with `most`: whole
   cache lines, if these are within the `left` floats that follow. */
static size_t ahead_step(size_t floats, size_t all, size_t most, size_t left)
{
    const size_t lines = mg_round_up(floats / mg_max(most, 1), CACHE_LINE);
    return mg_min(lines * all <= left ? lines : floats / mg_max(all, 1), MOST_AHEAD);
}

/* Output pixels [first, end) x rows of blocks [row, row_end). */
static void block_task(const struct mg_conv *s, const struct kernels *k, struct block_rows t, const float *x, float *y, size_t first,
                       size_t end, size_t row, size_t row_end)
{
    const float *windows[MOST_IN_TASK * MAX_HEIGHT], *residual = t.epilogue.residual;
    const size_t height = k->heights[0], begin = row;
    mg_windows_of(s, x, first, end, mg_round_up(end - first, height), windows);
    for (size_t next; row < row_end; row = next) {
        next = near_end(&t, row, row_end);
        /* Larger windows overlap: most of the next is near already. Those of 1x1 convolutions follow one another. */
        const size_t in_row = mg_ceil_div(t.block, 2 * k->lanes), all = (size_t)(t.starts[next] - t.starts[row]) * in_row,
                     around = AROUND_ENTRIES * (next - row) * in_row, most = all > around ? all - around : 0;
        const int in_order = s->kh * s->kw * s->stride_h * s->stride_w == 1 && row == begin;
        for (size_t pixel = first; pixel < end; pixel += height) {
            const size_t n_rows = mg_min(height, end - pixel);
            const int more = in_order && pixel + 2 * height <= end;
            t.ahead = windows[pixel - first + (more ? height : 0)];
            t.ahead_step = more ? ahead_step(height * s->ldx, all, most, (end - pixel - height) * s->ldx) : 0;
            t.epilogue.residual = residual ? residual + pixel * s->ldr : NULL;
            k->block_rows[mg_height_for(k->heights, n_rows)](&t, windows + (pixel - first), y + pixel * s->ldy, n_rows, row, next);
        }
    }
}

void mg_sparse_conv2d_block(const struct mg_conv *s, size_t block, const float *x, const int32_t *starts, const int32_t *offsets,
                            const float *values, const float *bias, const float *residual, float *y, const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    assert(block % k->lanes == 0);
    const struct block_rows t = {block, s->cout, starts, offsets, values, bias, s->ldy, mg_epilogue(s, residual), NULL, 0};
    const size_t pixels = s->n * s->out_h * s->out_w, n_rows = mg_ceil_div(s->cout, block);
    const size_t work = pixels * (size_t)starts[n_rows] * block / MULTIPLY_ADDS, threads = (size_t)mg_threads_for(work, machine);
    const size_t wanted = threads > 1 ? TASKS_PER_THREAD * threads : 1;
    const size_t tiles = mg_min(mg_max(pixels / (wanted * k->heights[0]), TILES_IN_TASK), MOST_IN_TASK);
    const size_t pixels_in_task = tiles * k->heights[0], parts = mg_ceil_div(pixels, pixels_in_task);
    const size_t groups = mg_min(n_rows, mg_ceil_div(wanted, parts ? parts : 1)); /* with few pixels the rows of blocks are split too */

    PARALLEL_FOR(task, parts * groups, work, machine) {
        const size_t first = task / groups * pixels_in_task, group = task % groups;
        block_task(s, k, t, x, y, first, mg_min(first + pixels_in_task, pixels), n_rows * group / groups, n_rows * (group + 1) / groups);
    }
}
