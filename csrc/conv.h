/* What the drivers of convolution share: what must hold, and where the window under an output pixel begins. */
#ifndef MG_CONV_H
#define MG_CONV_H

#include <assert.h>
#include "minigoog.h"

static inline void mg_check_conv(const struct mg_conv *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->cin > 0 && s->cout > 0);
    assert(s->out_h == (s->h - s->kh) / s->stride_h + 1 && s->out_w == (s->w - s->kw) / s->stride_w + 1);
    assert(s->h >= s->kh && s->w >= s->kw);
    assert(s->kw == 1 ? s->x_pixel >= s->cin : s->x_pixel == s->cin);
    assert(s->y_pixel >= s->cout);
}

/* The address of the window under output pixel number `pixel`, all images counted through. */
static inline const float *mg_window_of(const struct mg_conv *s, const float *x, size_t pixel)
{
    const size_t ox = pixel % s->out_w, row = pixel / s->out_w;
    const size_t oy = row % s->out_h, image = row / s->out_h;
    return x + ((image * s->h + oy * s->stride_h) * s->w + ox * s->stride_w) * s->x_pixel;
}

#endif
