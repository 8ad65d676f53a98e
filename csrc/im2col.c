/* Moving pixels: padding, and the im2col of the classic convolution (Chellapilla et al. 2006) with its transpose. */
#include <assert.h>
#include <string.h>
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

/* A row of the canvas: zeros around the pixels of x_row, which lie side by side; NULL: only zeros. */
static void place_row(const struct mg_place *s, const float *x_row, float *y_row)
{
    const size_t c = s->c, left = (size_t)s->left * c, end = x_row ? left + s->w * c : left;
    memset(y_row, 0, left * sizeof *y_row);
    if (x_row)
        memcpy(y_row + left, x_row, s->w * c * sizeof *y_row);
    memset(y_row + end, 0, (s->out_w * c - end) * sizeof *y_row);
}

void mg_place(const struct mg_place *s, const float *x, float *y, const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->step_h > 0 && s->step_w > 0);
    const size_t c = s->c;
    const int together = s->step_w == 1 && s->ldx == c && s->left >= 0 && (size_t)s->left + s->w <= s->out_w;

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * c, machine) {
        float *y_row = y + row * s->out_w * c;
        const ptrdiff_t down = (ptrdiff_t)(row % s->out_h) - s->top;
        const int inside = down >= 0 && down % (ptrdiff_t)s->step_h == 0 && down / (ptrdiff_t)s->step_h < (ptrdiff_t)s->h;
        const float *x_row = inside ? x + (row / s->out_h * s->h + (size_t)down / s->step_h) * s->w * s->ldx : NULL;
        if (together) {
            place_row(s, x_row, y_row);
            continue;
        }
        memset(y_row, 0, s->out_w * c * sizeof *y);
        for (size_t j = 0; x_row && j < s->w; j++) {
            const ptrdiff_t at = s->left + (ptrdiff_t)(j * s->step_w);
            if (at >= 0 && at < (ptrdiff_t)s->out_w)
                memcpy(y_row + (size_t)at * c, x_row + j * s->ldx, c * sizeof *y);
        }
    }
}

void mg_im2col(const struct mg_conv *s, const float *x, float *columns, const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct mg_runs r = mg_runs_of(s);
    const size_t runs = r.rows * r.in_row;

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * runs * r.length, machine) {
        const float *window = x + (row / s->out_h * s->h + row % s->out_h * s->stride_h) * s->w * s->ldx;
        float *column = columns + row * s->out_w * runs * r.length;
        for (size_t ox = 0; ox < s->out_w; ox++, window += s->stride_w * s->ldx)
            for (size_t i = 0; i < runs; i++, column += r.length)
                memcpy(column, window + mg_run_at(&r, i), r.length * sizeof *x);
    }
}

/* The sum of the entries of `columns`, those of one image, at the pixel of dx in row iy and column ix. */
static void gather(const struct mg_conv *s, const struct kernels *k, size_t iy, size_t ix, const float *columns, float *pixel)
{
    const struct mg_span v = mg_covering(iy, (s->kh - 1) * s->dilation_h + 1, s->stride_h, 0, s->out_h);
    const struct mg_span u = mg_covering(ix, (s->kw - 1) * s->dilation_w + 1, s->stride_w, 0, s->out_w);
    memset(pixel, 0, s->cin * sizeof *pixel);
    for (size_t oy = v.first; oy < v.end; oy++)
        for (size_t ox = u.first; ox < u.end; ox++) {
            const size_t down = iy - oy * s->stride_h, right = ix - ox * s->stride_w;
            if (down % s->dilation_h || right % s->dilation_w)
                continue; /* between two pixels of the window */
            const size_t tap = down / s->dilation_h * s->kw + right / s->dilation_w;
            k->accumulate(s->cin, columns + ((oy * s->out_w + ox) * s->kh * s->kw + tap) * s->cin, pixel);
        }
}

void mg_col2im(const struct mg_conv *s, const float *columns, float *dx, const struct mg_machine *machine)
{
    const struct kernels *kernels = mg_kernels(machine);
    const size_t image = s->out_h * s->out_w * s->kh * s->kw * s->cin;
    mg_check_conv(s);

    PARALLEL_FOR(row, s->n * s->h, s->n * image, machine)
        for (size_t ix = 0; ix < s->w; ix++)
            gather(s, kernels, row % s->h, ix, columns + row / s->h * image, dx + (row * s->w + ix) * s->cin);
}
