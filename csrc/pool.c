/* Pooling: which windows, cut to the image. Padding is never read; in ceil mode the last windows hang over the edge. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

/* The pixels [first, end) of one axis that the window at `out` covers. */
struct span {
    size_t first, end;
};

static struct span covered(size_t out, size_t k, size_t stride, size_t pad, size_t size)
{
    const size_t first = out * stride, end = first + k;
    return (struct span){first > pad ? first - pad : 0, mg_min(end > pad ? end - pad : 0, size)};
}

/* The windows [first, end) of one axis that cover pixel `at`. */
static struct span covering(size_t at, size_t k, size_t stride, size_t pad, size_t out)
{
    const size_t last = at + pad;
    return (struct span){last < k ? 0 : (last - k) / stride + 1, mg_min(last / stride + 1, out)};
}

static size_t length(struct span s)
{
    return s.end - s.first;
}

static void check(const struct mg_pool *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->c > 0);
    assert(s->pad_h < s->kh && s->pad_w < s->kw);
    assert(s->out_h == 0 || (s->out_h - 1) * s->stride_h < s->h + s->pad_h); /* no window lies wholly outside */
    assert(s->out_w == 0 || (s->out_w - 1) * s->stride_w < s->w + s->pad_w);
    assert(s->x_pixel >= s->c && s->y_pixel >= s->c);
    assert(s->h * s->w <= INT32_MAX);
}

void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, int32_t *index)
{
    check(s);
    const struct kernels *k = mg_kernels();

    PARALLEL_FOR(s->n * s->out_h * s->out_w * s->c * s->kh * s->kw)
    for (size_t row = 0; row < s->n * s->out_h; row++) {
        const struct span v = covered(row % s->out_h, s->kh, s->stride_h, s->pad_h, s->h);
        const float *image = x + row / s->out_h * s->h * s->w * s->x_pixel;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct span u = covered(ox, s->kw, s->stride_w, s->pad_w, s->w);
            const size_t first = v.first * s->w + u.first, at = row * s->out_w + ox;
            const float *window = image + first * s->x_pixel;
            if (index)
                k->max_window(s->c, length(v), length(u), window, s->x_pixel, s->w, (int32_t)first, y + at * s->y_pixel, index + at * s->c);
            else
                k->max_window_value(s->c, length(v), length(u), window, s->x_pixel, s->w, y + at * s->y_pixel);
        }
    }
}

/* Each input pixel gathers from the windows over it, so that no two threads write to one place. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const int32_t *index, float *dx)
{
    check(s);
    const struct kernels *k = mg_kernels();

    PARALLEL_FOR(s->n * s->out_h * s->out_w * s->c * s->kh * s->kw)
    for (size_t row = 0; row < s->n * s->h; row++) {
        const struct span v = covering(row % s->h, s->kh, s->stride_h, s->pad_h, s->out_h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct span u = covering(ix, s->kw, s->stride_w, s->pad_w, s->out_w);
            float *pixel = dx + (row * s->w + ix) * s->x_pixel;
            memset(pixel, 0, s->c * sizeof *dx);
            for (size_t oy = v.first; oy < v.end; oy++)
                for (size_t ox = u.first; ox < u.end; ox++) {
                    const size_t at = (row / s->h * s->out_h + oy) * s->out_w + ox;
                    k->max_window_backward(s->c, (int32_t)(row % s->h * s->w + ix), index + at * s->c, dy + at * s->y_pixel, pixel);
                }
        }
    }
}

void mg_avg_pool2d(const struct mg_pool *s, const float *x, float *y)
{
    check(s);
    const struct kernels *k = mg_kernels();

    PARALLEL_FOR(s->n * s->out_h * s->out_w * s->c * s->kh * s->kw)
    for (size_t row = 0; row < s->n * s->out_h; row++) {
        const struct span v = covered(row % s->out_h, s->kh, s->stride_h, s->pad_h, s->h);
        const float *image = x + row / s->out_h * s->h * s->w * s->x_pixel;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct span u = covered(ox, s->kw, s->stride_w, s->pad_w, s->w);
            k->sum_window(s->c, length(v), length(u), image + (v.first * s->w + u.first) * s->x_pixel, s->x_pixel, s->w,
                          1.0f / (float)(length(v) * length(u)), y + (row * s->out_w + ox) * s->y_pixel);
        }
    }
}

void mg_avg_pool2d_backward(const struct mg_pool *s, const float *dy, float *dx)
{
    check(s);
    const struct kernels *k = mg_kernels();

    PARALLEL_FOR(s->n * s->out_h * s->out_w * s->c * s->kh * s->kw)
    for (size_t row = 0; row < s->n * s->h; row++) {
        const struct span v = covering(row % s->h, s->kh, s->stride_h, s->pad_h, s->out_h);
        for (size_t ix = 0; ix < s->w; ix++) {
            const struct span u = covering(ix, s->kw, s->stride_w, s->pad_w, s->out_w);
            float *pixel = dx + (row * s->w + ix) * s->x_pixel;
            memset(pixel, 0, s->c * sizeof *dx);
            for (size_t oy = v.first; oy < v.end; oy++)
                for (size_t ox = u.first; ox < u.end; ox++) {
                    const size_t count = length(covered(oy, s->kh, s->stride_h, s->pad_h, s->h)) *
                                         length(covered(ox, s->kw, s->stride_w, s->pad_w, s->w));
                    const size_t at = (row / s->h * s->out_h + oy) * s->out_w + ox;
                    k->add_scaled(s->c, 1.0f / (float)count, dy + at * s->y_pixel, pixel);
                }
        }
    }
}
