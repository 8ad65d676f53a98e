/* What the drivers of Winograd convolution share: the grid of tiles over the maps. */
#ifndef MG_WINOGRAD_H
#define MG_WINOGRAD_H

#include <assert.h>
#include "conv.h"
#include "kernels.h"
#include "minigoog.h"

/* Tiles of side x side outputs across and down one map, and of all maps; positions of a transformed tile. */
struct mg_grid {
    size_t side, positions, across, down, tiles;
};

static inline struct mg_grid mg_grid(const struct mg_conv *s, size_t side)
{
    struct mg_grid g = {.side = side, .positions = (side + s->kh - 1) * (side + s->kh - 1)};
    g.across = mg_ceil_div(s->out_w, side);
    g.down = mg_ceil_div(s->out_h, side);
    g.tiles = s->n * g.down * g.across;
    return g;
}

static inline void mg_check_winograd(const struct mg_conv *s, struct mg_grid g)
{
    (void)s, (void)g;
    assert(s->kh == 5 ? g.side == 2 : s->kh == 3 && (g.side == 2 || g.side == 4));
    assert(s->kw == s->kh && s->stride_h == 1 && s->stride_w == 1 && s->ldx >= s->cin && s->ldy >= s->cout);
    assert(s->h >= g.down * g.side + s->kh - 1 && s->w >= g.across * g.side + s->kh - 1);
}

static inline const struct winograd *mg_transforms(const struct kernels *k, size_t side, size_t taps)
{
    return &k->winograd[taps == 5 ? 2 : side == 4];
}

/* The pixel in the upper left corner of a tile, in maps of h x w pixels, counted over all images. */
static inline size_t mg_corner(struct mg_grid g, size_t tile, size_t h, size_t w)
{
    const size_t row = tile / g.across;
    return (row / g.down * h + row % g.down * g.side) * w + tile % g.across * g.side;
}

/* The part of a tile's square of outputs that is inside the map. */
static inline size_t mg_rows_left(const struct mg_conv *s, struct mg_grid g, size_t tile)
{
    return mg_min(g.side, s->out_h - tile / g.across % g.down * g.side);
}

static inline size_t mg_cols_left(const struct mg_conv *s, struct mg_grid g, size_t tile)
{
    return mg_min(g.side, s->out_w - tile % g.across * g.side);
}

#endif
