/* What the drivers of convolution share: their assertions, and where the window under an output pixel begins. */
#ifndef MG_CONV_H
#define MG_CONV_H

#include <assert.h>
#include "geometry.h"
#include "minigoog.h"

static inline void mg_check_conv(const struct mg_conv *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->cin > 0 && s->cout > 0);
    assert(s->dilation_h > 0 && s->dilation_w > 0);
    assert(s->h > (s->kh - 1) * s->dilation_h && s->w > (s->kw - 1) * s->dilation_w);
    assert(s->out_h == (s->h - (s->kh - 1) * s->dilation_h - 1) / s->stride_h + 1);
    assert(s->out_w == (s->w - (s->kw - 1) * s->dilation_w - 1) / s->stride_w + 1);
    assert(s->ldx >= s->cin && s->ldy >= s->cout);
}

/* A window as runs of neighbouring floats: of a whole row where its pixels are side by side, else of one pixel each. */
static inline struct mg_runs mg_runs_of(const struct mg_conv *s)
{
    const int whole_rows = s->kw == 1 || (s->dilation_w == 1 && s->ldx == s->cin);
    return (struct mg_runs){.rows = s->kh,
                            .in_row = whole_rows ? 1 : s->kw,
                            .length = whole_rows ? s->kw * s->cin : s->cin,
                            .row_step = s->dilation_h * s->w * s->ldx,
                            .step = s->dilation_w * s->ldx};
}

/* Where run number `i` of a window begins, from the window's first float. */
static inline size_t mg_run_at(const struct mg_runs *r, size_t i)
{
    return i / r->in_row * r->row_step + i % r->in_row * r->step;
}

/* The epilogue of a convolution; residual: the first float of its map, or NULL. */
static inline struct epilogue mg_epilogue(const struct mg_conv *s, const float *residual)
{
    assert(s->activation >= 0 && s->activation < MG_ACTIVATIONS && (!residual || s->ldr >= s->cout));
    return (struct epilogue){s->activation, s->alpha, s->beta, residual, s->ldr};
}

/* Where in the map the window under output pixel number `pixel`, counted over all images, begins. */
static inline size_t mg_window_at(const struct mg_conv *s, size_t pixel)
{
    const size_t ox = pixel % s->out_w, row = pixel / s->out_w;
    const size_t oy = row % s->out_h, image = row / s->out_h;
    return ((image * s->h + oy * s->stride_h) * s->w + ox * s->stride_w) * s->ldx;
}

/* windows[i] = where the window under output pixel first + i begins, `n` of them; from `end` on they repeat the last, whose outputs are
   not written. Row by row: divisions take longer than a row of 7 pixels. */
static inline void mg_windows_of(const struct mg_conv *s, const float *x, size_t first, size_t end, size_t n, const float **windows)
{
    const size_t step = s->stride_w * s->ldx, inside = mg_min(n, end - first), row = first / s->out_w;
    size_t ox = first % s->out_w, oy = row % s->out_h, image = row / s->out_h, i = 0;
    while (i < inside) {
        const float *at = x + ((image * s->h + oy * s->stride_h) * s->w + ox * s->stride_w) * s->ldx;
        for (const size_t row_end = mg_min(inside, i + s->out_w - ox); i < row_end; at += step)
            windows[i++] = at;
        ox = 0, oy++;
        if (oy == s->out_h)
            oy = 0, image++;
    }
    for (; i < n; i++)
        windows[i] = windows[i - 1];
}

#endif
