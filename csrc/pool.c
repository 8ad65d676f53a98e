/* Pooling: the windows, clipped to the image. Padding is never read; in ceil mode the last windows extend over the edge. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { CHANNELS = 1024 }; /* whose sums are on the stack together */

/* One axis of a pooling. */
struct axis {
    size_t size, k, stride, pad, pad_after, dilation, out;
};

static struct axis rows_of(const struct mg_pool *s)
{
    return (struct axis){s->h, s->kh, s->stride_h, s->pad_top, s->pad_bottom, s->dilation_h, s->out_h};
}

static struct axis cols_of(const struct mg_pool *s)
{
    return (struct axis){s->w, s->kw, s->stride_w, s->pad_left, s->pad_right, s->dilation_w, s->out_w};
}

/* The pixels inside the map of one window along an axis: `count` of them, `dilation` apart, from `first` on. */
struct covered {
    size_t first, count;
};

/* n / dilation, rounded up; without a division where that is 1, as nearly always. */
static size_t steps(size_t n, size_t dilation)
{
    return dilation == 1 ? n : mg_ceil_div(n, dilation);
}

static struct covered covered(const struct axis *a, size_t out)
{
    const size_t start = out * a->stride, skipped = start < a->pad ? steps(a->pad - start, a->dilation) : 0;
    const size_t first = start + skipped * a->dilation - a->pad;
    const size_t inside = first < a->size ? steps(a->size - first, a->dilation) : 0;
    return (struct covered){first, mg_min(inside, a->k - skipped)};
}

/* By how many pixels along an axis a mean divides. */
static size_t divisor(const struct axis *a, size_t out, int count_padding)
{
    const size_t room = a->pad + a->size + a->pad_after - out * a->stride;
    return count_padding ? mg_min(a->k, steps(room, a->dilation)) : covered(a, out).count;
}

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

void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, int32_t *index, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = rows_of(s), cols = cols_of(s);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct covered v = covered(&rows, row % s->out_h);
        const float *image = x + row / s->out_h * s->h * s->w * s->ldx;
        if (!index && s->dilation_w == 1) {
            const struct pool_row r = {s->c,   v.count, s->dilation_h * s->w * s->ldx, s->w, s->kw, s->stride_w, s->pad_left, s->out_w,
                                       s->ldx, s->ldy};
            k->max_row(&r, image + v.first * s->w * s->ldx, y + row * s->out_w * s->ldy);
            continue;
        }
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct covered u = covered(&cols, ox);
            const size_t first = v.first * s->w + u.first, at = row * s->out_w + ox;
            const struct pool_window window = {s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
            k->max_window(&window, image + first * s->ldx, (int32_t)first, y + at * s->ldy, index ? index + at * s->c : NULL);
        }
    }
}

/* Each input pixel gathers from the windows over it, so that no two threads write to the same place. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const int32_t *index, float *dx, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = rows_of(s), cols = cols_of(s);

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct mg_span v = covering(&rows, row % s->h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct mg_span u = covering(&cols, ix);
            const size_t at = (row / s->h * s->out_h + v.first) * s->out_w + u.first;
            k->max_pixel_backward(s->c, length(v), length(u), s->out_w, (int32_t)(row % s->h * s->w + ix), index + at * s->c,
                                  dy + at * s->ldy, s->ldy, dx + (row * s->w + ix) * s->ldx);
        }
    }
}

void mg_avg_pool2d(const struct mg_pool *s, const float *x, float *y, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = rows_of(s), cols = cols_of(s);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct covered v = covered(&rows, row % s->out_h);
        const float *image = x + row / s->out_h * s->h * s->w * s->ldx;
        const size_t height = divisor(&rows, row % s->out_h, s->count_padding);
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct covered u = covered(&cols, ox);
            const struct pool_window window = {s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
            k->mean_window(&window, image + (v.first * s->w + u.first) * s->ldx, (float)(height * divisor(&cols, ox, s->count_padding)),
                           y + (row * s->out_w + ox) * s->ldy);
        }
    }
}

/* The gradient of the pixel in row iy and column ix, `channels` floats: each window that has it gives dy / (its pixels).
   dy: of the first window of the image. */
static void avg_pixel_backward(const struct mg_pool *s, const struct kernels *k, size_t channels, size_t iy, size_t ix, const float *dy,
                               float *dx)
{
    const struct axis rows = rows_of(s), cols = cols_of(s);
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
            const size_t count = divisor(&rows, oy, s->count_padding) * divisor(&cols, ox, s->count_padding);
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
