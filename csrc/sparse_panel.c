/* The long line of positions and the panel of sparse convolution: see sparse_panel.h. */
#include "sparse_panel.h"

enum {
    PANEL_VECTORS = 3 << 11, /* about as many: 192 KiB of a second-level cache with AVX2 */
    LEAST_OUTPUTS = 32,      /* of an image for which channels are in parts: with one or two vectors nothing is used again */
    LEAST_IN_PART = 8,       /* entries of a row in a part of the channels, for which its sums are loaded and stored */
};

/* `pitch` rounded up to a multiple of ALIGNED, or of half of it, if that adds at most a quarter. */
static size_t aligned_pitch(size_t pitch)
{
    for (size_t to = ALIGNED; to > 1; to /= 2)
        if (4 * (mg_round_up(pitch, to) - pitch) <= pitch)
            return mg_round_up(pitch, to);
    return pitch;
}

/* A window at column ox takes pixel X = (ox + kx / stride_w) * stride_w + kx % stride_w of the padded row. If X lies behind `pitch` it is
   right padding, and what stands there instead, X - pitch * stride_w of the next row, is left padding: zero as well. Likewise rows. */
struct mg_line mg_line_of(const struct mg_sparse_conv *s, size_t lanes)
{
    lanes = mg_max(lanes, ALIGNED);
    struct mg_line l = {.pitch = mg_max(mg_ceil_div(s->pad_w + s->w, s->stride_w), s->out_w),
                        .rows = mg_max(mg_ceil_div(s->pad_h + s->h, s->stride_h), s->out_h),
                        .phases_h = mg_min(s->kh, s->stride_h),
                        .phases_w = mg_min(s->kw, s->stride_w),
                        .copies = (s->kw - 1) / s->stride_w + 1};
    if (s->kh > s->stride_h)
        l.pitch = aligned_pitch(l.pitch);
    const size_t lines = l.phases_h * l.phases_w * s->cin * l.copies, fits = PANEL_VECTORS * lanes / lines, tile = SPARSE_VECTORS * lanes;
    l.halo = (s->kh - 1) / s->stride_h * l.pitch;
    l.block = mg_min(mg_max((fits > l.halo ? fits - l.halo : 0) / tile, 1) * tile, MAX_POSITIONS);
    l.stride = (mg_ceil_div(l.block + l.halo + MAX_LANES + l.copies - 1, MAX_LANES) | 1) * MAX_LANES;
    l.panel = lines * l.stride;
    const size_t image = l.rows * l.pitch;
    l.positions = s->n * image;
    const int skips = image % MAX_LANES == 0;
    l.image = mg_max(skips ? image : l.positions, 1);
    l.live = skips ? s->out_h * l.pitch : l.image;
    return l;
}

size_t mg_sparse_panel(const struct mg_sparse_conv *s, const struct mg_machine *machine)
{
    return mg_line_of(s, mg_kernels(machine)->lanes).panel;
}

size_t mg_sparse_parts(const struct mg_sparse_conv *s, size_t entries, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    if (s->block != 1 || !k->sparse_near || s->out_h * s->out_w < LEAST_OUTPUTS || entries > LONG_SUM * s->cout)
        return 1;
    const struct mg_line l = mg_line_of(s, k->lanes);
    const size_t in_channel = l.phases_h * l.phases_w * l.copies * (k->sparse_vectors * k->lanes + l.halo);
    const size_t wanted = mg_ceil_div(s->cin, mg_max(k->sparse_near / in_channel, 1)), most = entries / (LEAST_IN_PART * s->cout);
    return mg_max(mg_min(wanted, most), 1);
}

void mg_sparse_offsets(const struct mg_sparse_conv *s, size_t entries, const int32_t *columns, int32_t *offsets,
                       const struct mg_machine *machine)
{
    const struct mg_line l = mg_line_of(s, mg_kernels(machine)->lanes);
    assert(l.panel < (size_t)1 << 31);

    for (size_t e = 0; e < entries; e++) {
        const size_t tap = (size_t)columns[e] / s->cin, channel = (size_t)columns[e] % s->cin, ky = tap / s->kw, kx = tap % s->kw;
        assert(ky < s->kh);
        const size_t phase = ky % s->stride_h * l.phases_w + kx % s->stride_w;
        const size_t line = (phase * s->cin + channel) * l.copies + kx / s->stride_w;
        offsets[e] = (int32_t)(line * l.stride + ky / s->stride_h * l.pitch);
    }
    for (size_t e = entries; e < entries + SPARSE_AHEAD; e++)
        offsets[e] = 0;
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

static float *output_at(const struct mg_sparse_conv *s, const struct position *p, float *y, size_t ld)
{
    const int inside = p->image < s->n && p->row < s->out_h && p->col < s->out_w;
    return inside ? y + ((p->image * s->out_h + p->row) * s->out_w + p->col) * ld : NULL;
}

void mg_outputs_at(const struct mg_sparse_conv *s, const struct mg_line *l, float *y, size_t ld, size_t first, size_t n, float **pixels)
{
    struct position p = position_of(l, first);
    for (size_t i = 0; i < n; i++, step(l, &p))
        pixels[i] = output_at(s, &p, y, ld);
}

void mg_pack_panel(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *x, size_t first, size_t n,
                   float *panel)
{
    for (size_t phase = 0; phase < l->phases_h * l->phases_w; phase++, panel += s->cin * l->copies * l->stride) {
        struct position p = position_of(l, first);
        for (size_t q = 0; q < n + l->halo + l->copies - 1; q += k->lanes) {
            const float *pixels[MAX_LANES];
            for (size_t i = 0; i < k->lanes; i++, step(l, &p))
                pixels[i] = input_at(s, &p, x, phase / l->phases_w, phase % l->phases_w);
            k->pack_pixels(s->cin, pixels, s->ldx, panel + q, l->copies * l->stride);
        }
        k->shift_lines(s->cin, l->copies, n + l->halo, panel, l->stride);
    }
}

void mg_pack_outputs(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *dy, size_t first,
                     size_t n, float *lines)
{
    struct position p = position_of(l, first);
    for (size_t q = 0; q < n; q += k->lanes) {
        const float *pixels[MAX_LANES];
        for (size_t i = 0; i < k->lanes; i++, step(l, &p))
            pixels[i] = output_at(s, &p, (float *)dy, s->ldy);
        k->pack_pixels(s->cout, pixels, s->ldy, lines + q, l->stride);
    }
}
