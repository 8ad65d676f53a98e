/* Moving pixels: padding, and the im2col of the classic convolution (Chellapilla et al. 2006) with its transpose. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

void mg_place(const struct mg_place *s, const float *x, float *y, const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->step_h > 0 && s->step_w > 0);
    const size_t c = s->c;

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * c, machine) {
        float *y_row = y + row * s->out_w * c;
        memset(y_row, 0, s->out_w * c * sizeof *y);
        const ptrdiff_t down = (ptrdiff_t)(row % s->out_h) - s->top;
        if (down < 0 || down % (ptrdiff_t)s->step_h || down / (ptrdiff_t)s->step_h >= (ptrdiff_t)s->h)
            continue;
        const float *x_row = x + (row / s->out_h * s->h + (size_t)down / s->step_h) * s->w * s->ldx;
        if (s->step_w == 1 && s->ldx == c && s->left >= 0 && (size_t)s->left + s->w <= s->out_w) {
            memcpy(y_row + (size_t)s->left * c, x_row, s->w * c * sizeof *y);
            continue;
        }
        for (size_t j = 0; j < s->w; j++) {
            const ptrdiff_t at = s->left + (ptrdiff_t)(j * s->step_w);
            if (at >= 0 && at < (ptrdiff_t)s->out_w)
                memcpy(y_row + (size_t)at * c, x_row + j * s->ldx, c * sizeof *y);
        }
    }
}

void mg_im2col(const struct mg_conv *s, const float *x, float *columns, const struct mg_machine *machine)
{
    const size_t run = s->kw * s->cin;
    assert(s->kw == 1 || s->ldx == s->cin);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->kh * run, machine) {
        const float *window = x + (row / s->out_h * s->h + row % s->out_h * s->stride_h) * s->w * s->ldx;
        float *column = columns + row * s->out_w * s->kh * run;
        for (size_t ox = 0; ox < s->out_w; ox++, window += s->stride_w * s->ldx)
            for (size_t ky = 0; ky < s->kh; ky++, column += run)
                memcpy(column, window + ky * s->w * s->ldx, run * sizeof *x);
    }
}

/* The output positions, at most `out` of them, whose windows of `k` pixels cover pixel `at`: first, and one past the last. */
static void covering(size_t at, size_t k, size_t stride, size_t out, size_t *first, size_t *end)
{
    *first = at < k ? 0 : (at - k) / stride + 1;
    *end = mg_min(at / stride + 1, out);
}

void mg_col2im(const struct mg_conv *s, const float *columns, float *dx, const struct mg_machine *machine)
{
    const struct kernels *kernels = mg_kernels(machine);
    const size_t window = s->kh * s->kw * s->cin;

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * window, machine) {
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
                    kernels->accumulate(s->cin, columns + column * window + tap * s->cin, pixel);
                }
        }
    }
}
