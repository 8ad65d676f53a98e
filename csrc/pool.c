/* Pooling: the windows, clipped to the image. Padding is never read; in ceil mode the last windows extend over the edge. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"
#include "pool.h"

enum { CHANNELS = 1024 }; /* whose sums are on the stack together */

/* The windows that may have pixel `at`. */
static struct mg_span covering(const struct axis *a, size_t at)
{
    return mg_covering(at, (a->k - 1) * a->dilation + 1, a->stride, a->pad, a->out);
}

static size_t length(struct mg_span s)
{
    return s.end - s.first;
}

/* Whether window `out` of these has pixel `at`. */
static int has(const struct axis *a, size_t out, size_t at)
{
    return a->dilation == 1 || (at + a->pad - out * a->stride) % a->dilation == 0;
}

static void check(const struct mg_pool *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->c > 0);
    assert(s->dilation_h > 0 && s->dilation_w > 0);
    assert(mg_max(s->pad_top, s->pad_bottom) < s->kh && mg_max(s->pad_left, s->pad_right) < s->kw);
    assert(s->out_h == 0 || (s->out_h - 1) * s->stride_h < s->h + s->pad_top); /* no window lies completely outside */
    assert(s->out_w == 0 || (s->out_w - 1) * s->stride_w < s->w + s->pad_left);
    assert(s->ldx >= s->c && s->ldy >= s->c);
    assert(s->h * s->w <= INT32_MAX);
}

/* Whether max_row_index computes these windows. */
static int shares_columns(const struct mg_pool *s)
{
    return s->kw == 3 && s->kh <= 3 && s->stride_w <= 2 && s->dilation_w == 1;
}

void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, void *index, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const int is_short = mg_index_is_short(s);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct covered v = mg_covered_by(&rows, row % s->out_h);
        const float *image = x + row / s->out_h * s->h * s->w * s->ldx, *x_row = image + v.first * s->w * s->ldx;
        float *y_row = y + row * s->out_w * s->ldy;
        const struct pool_row r = {s->c,   v.count, s->dilation_h * s->w * s->ldx, s->w, s->kw, s->stride_w, s->pad_left, s->out_w,
                                   s->ldx, s->ldy};
        if (s->c > 4 * k->lanes && s->n * s->h * s->w * s->c > IN_A_CACHE)
            for (size_t i = 0; i < v.count; i++)
                mg_fetch(x_row + i * r.row_step, s->w, s->c, s->ldx);
        if (!index && s->dilation_w == 1) {
            k->max_row(&r, x_row, y_row);
            continue;
        }
        if (shares_columns(s) && k->max_row_index(&r, x_row, v.first * s->w, y_row, index, is_short, row * s->out_w * s->c))
            continue;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct covered u = mg_covered_by(&cols, ox);
            const size_t first = v.first * s->w + u.first, at = row * s->out_w + ox;
            const struct pool_window window = {s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
            k->max_window(&window, image + first * s->ldx, (int32_t)first, y + at * s->ldy, index, is_short, at * s->c);
        }
    }
}

/* Each input pixel gathers from the windows over it, so that no two threads write to the same place. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const void *index, float *dx, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const int is_short = mg_index_is_short(s);

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct mg_span v = covering(&rows, row % s->h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct mg_span u = covering(&cols, ix);
            const size_t at = (row / s->h * s->out_h + v.first) * s->out_w + u.first;
            k->max_pixel_backward(s->c, length(v), length(u), s->out_w, (int32_t)(row % s->h * s->w + ix), index, is_short, at * s->c,
                                  dy + at * s->ldy, s->ldy, dx + (row * s->w + ix) * s->ldx);
        }
    }
}

/* Means of a row of windows, channels [first, first + channels). */
static void mean_row(const struct mg_pool *s, const struct kernels *k, size_t row, size_t first, size_t channels, const float *x, float *y)
{
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const struct covered v = mg_covered_by(&rows, row % s->out_h);
    const float *image = x + row / s->out_h * s->h * s->w * s->ldx + first;
    const size_t height = mg_divisor(&rows, row % s->out_h, s->count_padding);
    for (size_t ox = 0; ox < s->out_w; ox++) {
        const struct covered u = mg_covered_by(&cols, ox);
        const struct pool_window window = {channels, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
        k->mean_window(&window, image + (v.first * s->w + u.first) * s->ldx, (float)(height * mg_divisor(&cols, ox, s->count_padding)),
                       y + (row * s->out_w + ox) * s->ldy + first);
    }
}

/* With few rows of windows, as in a global pool, the channels are split too, cache line by cache line. */
void mg_avg_pool2d(const struct mg_pool *s, const float *x, float *y, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const size_t rows = s->n * s->out_h, few = 4 * (size_t)machine->threads, group = rows < few ? CACHE_LINE : s->c;
    const size_t groups = group ? mg_ceil_div(s->c, group) : 0;

    PARALLEL_FOR(task, rows * groups, rows * s->out_w * s->c * s->kh * s->kw, machine) {
        const size_t first = task % groups * group;
        mean_row(s, k, task / groups, first, mg_min(group, s->c - first), x, y);
    }
}

/* The gradient of the pixel in row iy and column ix, `channels` floats: each window that has it gives dy / (its pixels).
   dy: of the first window of the image. */
static void avg_pixel_backward(const struct mg_pool *s, const struct kernels *k, size_t channels, size_t iy, size_t ix, const float *dy,
                               float *dx)
{
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const struct mg_span v = covering(&rows, iy), u = covering(&cols, ix);
    const int is_long = length(v) * length(u) > TERMS_IN_SUM; /* rarely: then each TERMS_IN_SUM windows have a sum of their own */
    float block[CHANNELS], *const sum = is_long ? block : dx;
    size_t terms = 0;
    memset(dx, 0, channels * sizeof *dx);
    if (is_long)
        memset(block, 0, channels * sizeof *block);
    for (size_t oy = v.first; oy < v.end; oy++)
        for (size_t ox = u.first; ox < u.end; ox++) {
            if (!has(&rows, oy, iy) || !has(&cols, ox, ix))
                continue;
            const size_t count = mg_divisor(&rows, oy, s->count_padding) * mg_divisor(&cols, ox, s->count_padding);
            k->add_scaled(channels, 1.0f / (float)count, dy + (oy * s->out_w + ox) * s->ldy, sum);
            if (is_long && ++terms % TERMS_IN_SUM == 0) {
                k->accumulate(channels, sum, dx);
                memset(sum, 0, channels * sizeof *sum);
            }
        }
    if (is_long)
        k->accumulate(channels, sum, dx);
}

void mg_avg_pool2d_backward(const struct mg_pool *s, const float *dy, float *dx, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const float *image = dy + row / s->h * s->out_h * s->out_w * s->ldy;
        for (size_t ix = 0; ix < s->w; ix++)
            for (size_t j = 0; j < s->c; j += CHANNELS)
                avg_pixel_backward(s, k, mg_min(CHANNELS, s->c - j), row % s->h, ix, image + j, dx + (row * s->w + ix) * s->ldx + j);
    }
}
