/* The long line of positions and the panel of sparse convolution: see sparse_panel.h. */
#include "sparse_panel.h"

enum { PANEL_FLOATS = 1 << 16 }; /* about as many: 256 KiB of a second-level cache */

/* A window at column ox takes pixel X = (ox + kx / stride_w) * stride_w + kx % stride_w of the padded row. If X lies behind `pitch` it is
   right padding, and what stands there instead, X - pitch * stride_w of the next row, is left padding: zero as well. Likewise rows. */
struct mg_line mg_line_of(const struct mg_sparse_conv *s)
{
    struct mg_line l = {.pitch = mg_max(mg_ceil_div(s->pad_w + s->w, s->stride_w), s->out_w),
                        .rows = mg_max(mg_ceil_div(s->pad_h + s->h, s->stride_h), s->out_h),
                        .phases_h = mg_min(s->kh, s->stride_h),
                        .phases_w = mg_min(s->kw, s->stride_w)};
    const size_t lines = l.phases_h * l.phases_w * s->cin, fits = PANEL_FLOATS / lines;
    l.halo = (s->kh - 1) / s->stride_h * l.pitch + (s->kw - 1) / s->stride_w;
    l.block = mg_min(mg_max(fits > l.halo ? fits - l.halo : 0, SPARSE_VECTORS * MAX_LANES), MAX_POSITIONS) / MAX_LANES * MAX_LANES;
    l.stride = (mg_ceil_div(l.block + l.halo, MAX_LANES) | 1) * MAX_LANES;
    l.panel = lines * l.stride;
    l.positions = s->n * l.rows * l.pitch;
    return l;
}

size_t mg_sparse_panel(const struct mg_sparse_conv *s)
{
    return mg_line_of(s).panel;
}

void mg_sparse_offsets(const struct mg_sparse_conv *s, size_t entries, const int32_t *columns, int32_t *offsets)
{
    const struct mg_line l = mg_line_of(s);
    assert(l.panel < (size_t)1 << 31);

    for (size_t e = 0; e < entries; e++) {
        const size_t tap = (size_t)columns[e] / s->cin, channel = (size_t)columns[e] % s->cin, ky = tap / s->kw, kx = tap % s->kw;
        assert(ky < s->kh);
        const size_t phase = ky % s->stride_h * l.phases_w + kx % s->stride_w;
        offsets[e] = (int32_t)((phase * s->cin + channel) * l.stride + ky / s->stride_h * l.pitch + kx / s->stride_w);
    }
}

/* Where a position is. */
struct position {
    size_t image, row, col;
};

static struct position position_of(const struct mg_line *l, size_t number)
{
    const size_t row = number / l->pitch;
    return (struct position){row / l->rows, row % l->rows, number % l->pitch};
}

static void step(const struct mg_line *l, struct position *p)
{
    if (++p->col < l->pitch)
        return;
    p->col = 0;
    if (++p->row < l->rows)
        return;
    p->row = 0;
    p->image++;
}

/* The pixel of x at a position of a phase, or NULL in the padding. Numbers below zero wrap around to huge ones. */
static const float *input_at(const struct mg_sparse_conv *s, const struct position *p, const float *x, size_t phase_h, size_t phase_w)
{
    const size_t row = p->row * s->stride_h + phase_h - s->pad_h, col = p->col * s->stride_w + phase_w - s->pad_w;
    return p->image < s->n && row < s->h && col < s->w ? x + ((p->image * s->h + row) * s->w + col) * s->ldx : NULL;
}

static float *output_at(const struct mg_sparse_conv *s, const struct position *p, float *y)
{
    const int inside = p->image < s->n && p->row < s->out_h && p->col < s->out_w;
    return inside ? y + ((p->image * s->out_h + p->row) * s->out_w + p->col) * s->ldy : NULL;
}

void mg_outputs_at(const struct mg_sparse_conv *s, const struct mg_line *l, float *y, size_t first, size_t n, float **pixels)
{
    struct position p = position_of(l, first);
    for (size_t i = 0; i < n; i++, step(l, &p))
        pixels[i] = output_at(s, &p, y);
}

void mg_pack_panel(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *x, size_t first, size_t n,
                   float *panel)
{
    for (size_t phase = 0; phase < l->phases_h * l->phases_w; phase++, panel += s->cin * l->stride) {
        struct position p = position_of(l, first);
        for (size_t q = 0; q < n + l->halo; q += k->lanes) {
            const float *pixels[MAX_LANES];
            for (size_t i = 0; i < k->lanes; i++, step(l, &p))
                pixels[i] = input_at(s, &p, x, phase / l->phases_w, phase % l->phases_w);
            k->pack_pixels(s->cin, pixels, s->ldx, panel + q, l->stride);
        }
    }
}

void mg_pack_outputs(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *dy, size_t first,
                     size_t n, float *lines)
{
    struct position p = position_of(l, first);
    for (size_t q = 0; q < n; q += k->lanes) {
        const float *pixels[MAX_LANES];
        for (size_t i = 0; i < k->lanes; i++, step(l, &p))
            pixels[i] = output_at(s, &p, (float *)dy);
        k->pack_pixels(s->cout, pixels, s->ldy, lines + q, l->stride);
    }
}
