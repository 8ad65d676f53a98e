/* Moving pixels: padding, and the im2col of the classic convolution (Chellapilla et al. 2006) with its transpose. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

void mg_place(size_t n, size_t h, size_t w, size_t c, const float *x, size_t x_pixel, ptrdiff_t top, ptrdiff_t left,
              size_t step_h, size_t step_w, size_t y_h, size_t y_w, float *y)
{
    assert(x_pixel >= c && step_h > 0 && step_w > 0);

    PARALLEL_FOR(row, n * y_h, n * y_h * y_w * c) {
        float *y_row = y + row * y_w * c;
        memset(y_row, 0, y_w * c * sizeof *y);
        const ptrdiff_t down = (ptrdiff_t)(row % y_h) - top;
        if (down < 0 || down % (ptrdiff_t)step_h || down / (ptrdiff_t)step_h >= (ptrdiff_t)h)
            continue;
        const float *x_row = x + (row / y_h * h + (size_t)down / step_h) * w * x_pixel;
        if (step_w == 1 && x_pixel == c && left >= 0 && (size_t)left + w <= y_w) {
            memcpy(y_row + (size_t)left * c, x_row, w * c * sizeof *y);
            continue;
        }
        for (size_t j = 0; j < w; j++) {
            const ptrdiff_t at = left + (ptrdiff_t)(j * step_w);
            if (at >= 0 && at < (ptrdiff_t)y_w)
                memcpy(y_row + (size_t)at * c, x_row + j * x_pixel, c * sizeof *y);
        }
    }
}

void mg_im2col(const struct mg_conv *s, const float *x, float *columns)
{
    const size_t run = s->kw * s->cin;
    assert(s->kw == 1 || s->x_pixel == s->cin);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->kh * run) {
        const float *window = x + (row / s->out_h * s->h + row % s->out_h * s->stride_h) * s->w * s->x_pixel;
        float *column = columns + row * s->out_w * s->kh * run;
        for (size_t ox = 0; ox < s->out_w; ox++, window += s->stride_w * s->x_pixel)
            for (size_t ky = 0; ky < s->kh; ky++, column += run)
                memcpy(column, window + ky * s->w * s->x_pixel, run * sizeof *x);
    }
}

/* The output positions, at most `out` of them, whose windows of `k` pixels cover pixel `at`: first, and one past the last. */
static void covering(size_t at, size_t k, size_t stride, size_t out, size_t *first, size_t *end)
{
    *first = at < k ? 0 : (at - k) / stride + 1;
    *end = mg_min(at / stride + 1, out);
}

void mg_col2im(const struct mg_conv *s, const float *columns, float *dx)
{
    const struct kernels *kernels = mg_kernels();
    const size_t window = s->kh * s->kw * s->cin;

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * window) {
        const size_t image = row / s->h, iy = row % s->h;
        size_t oy_first, oy_end, ox_first, ox_end;
        covering(iy, s->kh, s->stride_h, s->out_h, &oy_first, &oy_end);
        float *pixel = dx + row * s->w * s->cin;
        memset(pixel, 0, s->w * s->cin * sizeof *dx);
        for (size_t ix = 0; ix < s->w; ix++, pixel += s->cin) {
            covering(ix, s->kw, s->stride_w, s->out_w, &ox_first, &ox_end);
            for (size_t oy = oy_first; oy < oy_end; oy++)
                for (size_t ox = ox_first; ox < ox_end; ox++) {
                    const size_t tap = (iy - oy * s->stride_h) * s->kw + (ix - ox * s->stride_w);
                    const size_t column = (image * s->out_h + oy) * s->out_w + ox;
                    kernels->add(s->cin, pixel, columns + column * window + tap * s->cin, pixel);
                }
        }
    }
}
