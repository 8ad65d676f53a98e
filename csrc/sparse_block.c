/* Convolution with blocks of weights: a row of blocks is `block` output channels that share their columns. In NHWC these channels are
 * neighbours, so the tile of conv_direct.c does it, at its speed; instead of all positions of a window it goes through a list.
 */
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

enum {
    MAX_HEIGHT = 16,
    TILES_IN_TASK = 8, /* pixels that share a row of blocks while it is in cache: 112 with AVX-512 */
};

/* `pixels` output pixels x `channels` output channels, all of one row of blocks. values, bias, y: those of the first. */
static void block_task(const struct mg_conv *s, const struct kernels *k, const struct block_tile *t, const float *const *windows,
                       const float *values, const float *bias, float *y, size_t pixels, size_t channels)
{
    for (size_t channel = 0; channel < channels; channel += 2 * k->lanes) {
        const size_t n_cols = mg_min(channels - channel, 2 * k->lanes);
        for (size_t pixel = 0; pixel < pixels; pixel += k->heights[0]) {
            const size_t n_rows = mg_min(k->heights[0], pixels - pixel);
            k->block_tile[mg_height_for(k, n_rows)][n_cols > k->lanes](t, windows + pixel, values + channel, bias ? bias + channel : NULL,
                                                                   y + pixel * s->y_pixel + channel, n_rows, n_cols);
        }
    }
}

void mg_sparse_conv2d_block(const struct mg_conv *s, size_t block, const float *x, const int32_t *starts, const int32_t *offsets,
                            const float *values, const float *bias, int relu, float *y)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels();
    assert(block % k->lanes == 0);
    const size_t pixels = s->n * s->out_h * s->out_w, n_rows = mg_ceil_div(s->cout, block), pixels_in_task = TILES_IN_TASK * k->heights[0];
    const size_t work = pixels * (size_t)starts[n_rows] * block / MULTIPLY_ADDS, tasks = mg_ceil_div(pixels, pixels_in_task) * n_rows;

    PARALLEL_FOR(task, tasks, work) {
        const size_t first = task / n_rows * pixels_in_task, row = task % n_rows, end = mg_min(first + pixels_in_task, pixels);
        const float *windows[TILES_IN_TASK * MAX_HEIGHT];
        for (size_t i = 0; i < pixels_in_task; i++)
            windows[i] = mg_window_of(s, x, mg_min(first + i, end - 1)); /* rows past the end repeat the last and are not written */
        const struct block_tile t = {.entries = (size_t)(starts[row + 1] - starts[row]), .offsets = offsets + starts[row], .block = block,
                                     .y_pixel = s->y_pixel, .relu = relu};
        block_task(s, k, &t, windows, values + (size_t)starts[row] * block, bias ? bias + row * block : NULL,
                   y + first * s->y_pixel + row * block, end - first, mg_min(block, s->cout - row * block));
    }
}
