/* Shared by the drivers of sparse convolution: the map as one long line, and the panel that holds a part of it (sparse_panel.c).
 *
 * In CSR each weight multiplies one channel of one pixel of the window. In NHWC the neighbours of that float belong to other weights,
 * so vectors must run over pixels: a panel has a line for each channel with the pixels side by side, and a weight is a value and an
 * offset into the panel.
 *
 * Vectors are read faster from aligned addresses. So a channel has a line for each column of the window, shifted by so many pixels, and
 * rows begin at multiples of ALIGNED pixels where that costs little.
 *
 * An offset must be the same for all pixels. So the padded map is one long line of positions, row after row, image after image, in
 * which neighbours share their padding: the padding right of a row is the padding left of the next. Positions in the padding get
 * outputs too, which are discarded (2 of 16 columns of a 14 x 14 map), but tiles leave out rows of padding. A stride of 2 has 2 x 2 phases, maps of every second pixel of
 * every second row, each with its own lines; within a phase the stride is 1.
 *
 * Offsets after Park et al. 2017 (arXiv 1608.01409), pixels in vectors after Elsen et al. 2019 (arXiv 1911.09723).
 */
#ifndef MG_SPARSE_PANEL_H
#define MG_SPARSE_PANEL_H

#include <assert.h>
#include "kernels.h"
#include "minigoog.h"

enum {
    MAX_POSITIONS = 512, /* positions in a block */
    ALIGNED = 8,         /* positions that rows begin at multiples of */
};

struct mg_line {
    size_t pitch, rows;        /* positions from one row to the next; rows of an image */
    size_t phases_h, phases_w; /* that windows touch */
    size_t image, live;        /* positions from one image to the next, and those of its rows of outputs, where tiles can leave out the
                                  others; else all positions are one image */
    size_t copies;             /* lines of a channel: columns of the window, of one phase */
    size_t halo;               /* positions after a block that its windows reach, but for the last columns of a window */
    size_t block;              /* positions in a block, at most: some tiles of the widest vectors */
    size_t stride;             /* floats from one line of the panel to the next: an odd number of vectors, so that lines do not all
                                  share one set of a cache */
    size_t panel;              /* floats of the panel */
    size_t positions;          /* of all images */
};

struct mg_line mg_line_of(const struct mg_sparse_conv *s, size_t lanes);

/* Lays x at positions [first, first + n) and their halo into the panel; n is a multiple of the lanes, as everywhere. */
void mg_pack_panel(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *x, size_t first, size_t n,
                   float *panel);
/* Lays dy at these positions into one line for each of cout channels, zero where a position has no output. */
void mg_pack_outputs(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const float *dy, size_t first,
                     size_t n, float *lines);
/* pixels[i] = the output of position first + i in y, a map like the output with leading dimension ld, or NULL where it has none. */
void mg_outputs_at(const struct mg_sparse_conv *s, const struct mg_line *l, float *y, size_t ld, size_t first, size_t n, float **pixels);

/* n / parts, rounded up to whole vectors. */
static inline size_t mg_part(size_t n, size_t parts, size_t lanes)
{
    return mg_round_up(mg_ceil_div(n, parts), lanes);
}

/* The first positions from `from` on that are not only padding, up to `end`; empty from `end` on. */
static inline struct mg_span mg_live(const struct mg_line *l, size_t from, size_t end)
{
    size_t in_image = from % l->image;
    if (in_image >= l->live) {
        from += l->image - in_image;
        in_image = 0;
    }
    return (struct mg_span){from, mg_min(end, from - in_image + l->live)};
}

static inline void mg_check_sparse(const struct mg_sparse_conv *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->cin > 0 && s->cout > 0);
    assert(s->h + 2 * s->pad_h >= s->kh && s->w + 2 * s->pad_w >= s->kw);
    assert(s->out_h == (s->h + 2 * s->pad_h - s->kh) / s->stride_h + 1 && s->out_w == (s->w + 2 * s->pad_w - s->kw) / s->stride_w + 1);
    assert(s->ldx >= s->cin && s->ldy >= s->cout && s->block > 0);
}

#endif
