/* Pooling: the windows, clipped to the image. Padding is never read; in ceil mode the last windows extend over the edge. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { CHANNELS = 1024 }; /* whose sums are on the stack together */

/* The windows [first, end) of one axis that cover pixel `at`. */
static struct mg_span covering(size_t at, size_t k, size_t stride, size_t pad, size_t out)
{
    const size_t last = at + pad;
    return (struct mg_span){last < k ? 0 : (last - k) / stride + 1, mg_min(last / stride + 1, out)};
}

static size_t length(struct mg_span s)
{
    return s.end - s.first;
}

static void check(const struct mg_pool *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->c > 0);
    assert(s->pad_h < s->kh && s->pad_w < s->kw);
    assert(s->out_h == 0 || (s->out_h - 1) * s->stride_h < s->h + s->pad_h); /* no window lies completely outside */
    assert(s->out_w == 0 || (s->out_w - 1) * s->stride_w < s->w + s->pad_w);
    assert(s->ldx >= s->c && s->ldy >= s->c);
    assert(s->h * s->w <= INT32_MAX);
}

void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, int32_t *index, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct mg_span v = mg_covered(row % s->out_h, s->kh, s->stride_h, s->pad_h, s->h);
        const float *image = x + row / s->out_h * s->h * s->w * s->ldx;
        if (!index) {
            const struct pool_row r = {s->c, length(v), s->w, s->kw, s->stride_w, s->pad_w, s->out_w, s->ldx, s->ldy};
            k->max_row(&r, image + v.first * s->w * s->ldx, y + row * s->out_w * s->ldy);
            continue;
        }
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct mg_span u = mg_covered(ox, s->kw, s->stride_w, s->pad_w, s->w);
            const size_t first = v.first * s->w + u.first, at = row * s->out_w + ox;
            k->max_window(s->c, length(v), length(u), image + first * s->ldx, s->ldx, s->w, (int32_t)first, y + at * s->ldy,
                          index + at * s->c);
        }
    }
}

/* Each input pixel gathers from the windows over it, so that no two threads write to the same place. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const int32_t *index, float *dx, const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct mg_span v = covering(row % s->h, s->kh, s->stride_h, s->pad_h, s->out_h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct mg_span u = covering(ix, s->kw, s->stride_w, s->pad_w, s->out_w);
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

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct mg_span v = mg_covered(row % s->out_h, s->kh, s->stride_h, s->pad_h, s->h);
        const float *image = x + row / s->out_h * s->h * s->w * s->ldx;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct mg_span u = mg_covered(ox, s->kw, s->stride_w, s->pad_w, s->w);
            k->mean_window(s->c, length(v), length(u), image + (v.first * s->w + u.first) * s->ldx, s->ldx, s->w,
                           y + (row * s->out_w + ox) * s->ldy);
        }
    }
}

/* One pixel's gradient, `channels` floats: the windows [v, u) over it each give dy / (their pixels). dy: of the first image row of windows. */
static void avg_pixel_backward(const struct mg_pool *s, const struct kernels *k, size_t channels, struct mg_span v, struct mg_span u,
                               const float *dy, float *dx)
{
    const int is_long = length(v) * length(u) > TERMS_IN_SUM; /* rarely: then each TERMS_IN_SUM windows have a sum of their own */
    float block[CHANNELS], *const sum = is_long ? block : dx;
    size_t terms = 0;
    memset(dx, 0, channels * sizeof *dx);
    if (is_long)
        memset(block, 0, channels * sizeof *block);
    for (size_t oy = v.first; oy < v.end; oy++)
        for (size_t ox = u.first; ox < u.end; ox++) {
            const size_t count =
                length(mg_covered(oy, s->kh, s->stride_h, s->pad_h, s->h)) * length(mg_covered(ox, s->kw, s->stride_w, s->pad_w, s->w));
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
        const struct mg_span v = covering(row % s->h, s->kh, s->stride_h, s->pad_h, s->out_h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct mg_span u = covering(ix, s->kw, s->stride_w, s->pad_w, s->out_w);
            const float *image = dy + row / s->h * s->out_h * s->out_w * s->ldy;
            for (size_t j = 0; j < s->c; j += CHANNELS)
                avg_pixel_backward(s, k, mg_min(CHANNELS, s->c - j), v, u, image + j, dx + (row * s->w + ix) * s->ldx + j);
        }
    }
}
