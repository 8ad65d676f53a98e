/* What the drivers of pooling share: windows along an axis, and by how many pixels a mean divides. */
#ifndef MG_POOL_H
#define MG_POOL_H

#include "geometry.h"
#include "minigoog.h"

static inline struct axis mg_rows_of(const struct mg_pool *s)
{
    return (struct axis){s->h, s->kh, s->stride_h, s->pad_top, s->pad_bottom, s->dilation_h, s->out_h};
}

static inline struct axis mg_cols_of(const struct mg_pool *s)
{
    return (struct axis){s->w, s->kw, s->stride_w, s->pad_left, s->pad_right, s->dilation_w, s->out_w};
}

/* Whether 16 bits hold the numbers of an image's pixels. */
static inline int mg_index_is_short(const struct mg_pool *s)
{
    return s->h * s->w <= UINT16_MAX + 1;
}

/* By how many pixels along an axis a mean divides. */
static inline size_t mg_divisor(const struct axis *a, size_t out, int count_padding)
{
    const size_t room = a->pad + a->size + a->pad_after - out * a->stride;
    return count_padding ? mg_min(a->k, mg_steps(room, a->dilation)) : mg_covered_by(a, out).count;
}

/* One pixel of y: its window in x, and by how many pixels a mean divides. */
static inline struct pool_window mg_window_of(const struct mg_pool *s, size_t pixel, size_t *first, size_t *count)
{
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const size_t ox = pixel % s->out_w, row = pixel / s->out_w, oy = row % s->out_h;
    const struct covered v = mg_covered_by(&rows, oy), u = mg_covered_by(&cols, ox);
    *first = (row / s->out_h * s->h * s->w + v.first * s->w + u.first) * s->ldx;
    *count = mg_divisor(&rows, oy, s->count_padding) * mg_divisor(&cols, ox, s->count_padding);
    return (struct pool_window){s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
}

#endif
