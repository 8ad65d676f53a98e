/* What the drivers of Winograd convolution share: the grid of tiles over the maps. */
#ifndef MG_WINOGRAD_H
#define MG_WINOGRAD_H

#include <assert.h>
#include "conv.h"
#include "geometry.h"
#include "kernels.h"
#include "minigoog.h"

/* A window of 7x7 with stride 2 is one of 4x4 with stride 1 on a map whose pixels are squares of 2 x 2 pixels, with 4 times the channels. */
enum { FOLDED = 7 };

/* Of a square of inputs, in pixels or such squares of them. */
static inline size_t mg_tile_size(size_t side, size_t taps)
{
    return side + (taps == FOLDED ? 4 : taps) - 1;
}

/* Rows after the last tile, into which vectors reach that are read whole: 2 of at least 12 pixels have more than MAX_LANES floats. */
static inline size_t mg_spare_rows(size_t taps)
{
    return taps == FOLDED ? 2 : 0;
}

static inline size_t mg_tile_channels(size_t taps, size_t cin)
{
    return taps == FOLDED ? 4 * cin : cin;
}

/* Tiles of side x side outputs across and down one map, and of all maps; pixels from one tile's inputs to the next's; positions of a
   transformed tile, and channels at each. */
struct mg_grid {
    size_t side, step, positions, channels, across, down, tiles;
};

static inline struct mg_grid mg_grid(const struct mg_conv *s, size_t side)
{
    const size_t size = mg_tile_size(side, s->kh);
    struct mg_grid g = {.side = side, .step = side * s->stride_h, .positions = size * size, .channels = mg_tile_channels(s->kh, s->cin)};
    g.across = mg_ceil_div(s->out_w, side);
    g.down = mg_ceil_div(s->out_h, side);
    g.tiles = s->n * g.down * g.across;
    return g;
}

/* Floats of a transformed pixel of a folded map: two runs of 2 * cin, written in whole vectors: one if AVX-512's holds both
   (winograd_input_folded). */
static inline size_t mg_folded_channels(size_t cin, size_t lanes)
{
    const size_t run = 2 * cin, second = lanes == MAX_LANES && 2 * run <= lanes ? 0 : run;
    return mg_round_up(second + mg_round_up(run, lanes), lanes);
}

static inline void mg_check_winograd(const struct mg_conv *s, struct mg_grid g)
{
    (void)s, (void)g;
    assert(s->kh == FOLDED ? g.side == 3 && s->ldx == s->cin : s->kh == 5 ? g.side == 2 : s->kh == 3 && (g.side == 2 || g.side == 4));
    assert(s->kw == s->kh && s->stride_h == (s->kh == FOLDED ? 2 : 1) && s->stride_w == s->stride_h);
    assert(s->ldx >= s->cin && s->ldy >= s->cout);
    assert(s->kh != FOLDED || (s->top == 0 && s->left == 0));
    assert(s->kh != FOLDED || (s->h >= g.down * g.step + s->kh - 1 + mg_spare_rows(s->kh) && s->w >= g.across * g.step + s->kh - 1));
}

static inline const struct winograd *mg_transforms(const struct kernels *k, size_t side, size_t taps)
{
    return &k->winograd[taps == FOLDED ? 3 : taps == 5 ? 2 : side == 4];
}

/* The pixel in the upper left corner of a tile, in maps of h x w pixels, counted over all images; tiles begin `step` pixels apart. */
static inline size_t mg_corner(struct mg_grid g, size_t step, size_t tile, size_t h, size_t w)
{
    const size_t row = tile / g.across;
    return (row / g.down * h + row % g.down * step) * w + tile % g.across * step;
}

/* The pixels that a thread reads after those that it computes with: at each of its steps it prefetches so many cache lines of them, into
   the second-level cache. The first is full of what it multiplies: through it, weight gradients gained half as much. */
struct mg_next {
    const float *at, *end;
    size_t lines;
};

/* Those from the corner of tile `first` to that of tile `last`, in so many steps; none in maps that may be in a cache. The arguments after
   `step` are those of mg_corner and the map. */
static inline struct mg_next mg_next_tiles(struct mg_grid g, size_t first, size_t last, size_t steps, size_t step, size_t h, size_t w,
                                           const float *map, size_t ld)
{
    const float *at = map + mg_corner(g, step, first, h, w) * ld, *end = map + mg_corner(g, step, last, h, w) * ld;
    const int is_large = g.tiles / (g.down * g.across) * h * w * ld > IN_A_CACHE;
    return (struct mg_next){at, is_large ? end : at, mg_ceil_div((size_t)(end - at), steps * CACHE_LINE)};
}

static inline void mg_prefetch(struct mg_next *next)
{
    for (size_t i = 0; i < next->lines && next->at < next->end; i++, next->at += CACHE_LINE)
        __builtin_prefetch(next->at, 0, 2);
}

/* Of `size` pixels from number `at` on, those that are inside a map of `n`. */
static inline struct mg_span mg_inside(ptrdiff_t at, size_t size, size_t n)
{
    const ptrdiff_t first = at < 0 ? -at : 0, end = (ptrdiff_t)n - at;
    return (struct mg_span){(size_t)first, end < 0 ? 0 : mg_min((size_t)end, size)};
}

/* v = the transform of the inputs under a tile, positions v_position floats apart. */
static inline void mg_transform_inputs(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, size_t tile, const float *x,
                                       float *v, size_t v_position)
{
    const struct winograd *transform = mg_transforms(k, g.side, s->kh);
    const size_t size = mg_tile_size(g.side, s->kh), row = tile / g.across,
                 squares = s->stride_w; /* of which a row is one run of channels */
    const ptrdiff_t down = (ptrdiff_t)(row % g.down * g.step) - s->top, across = (ptrdiff_t)(tile % g.across * g.step) - s->left;
    const ptrdiff_t corner = ((ptrdiff_t)(row / g.down * s->h) + down) * (ptrdiff_t)s->w + across;
    const struct mg_span rows = mg_inside(down, size, s->h), cols = mg_inside(across, size, s->w);
    x += corner * (ptrdiff_t)s->ldx;
    if (s->cin > 4 * CACHE_LINE && s->n * s->h * s->w * s->cin > IN_A_CACHE)
        for (size_t i = rows.first; i < rows.end; i++)
            if (cols.first < cols.end)
                mg_fetch(x + (ptrdiff_t)((i * s->w + cols.first) * s->ldx), cols.end - cols.first, s->cin, s->ldx);
    if (s->kh == FOLDED || (rows.first == 0 && rows.end == size && cols.first == 0 && cols.end == size))
        transform->input(squares * s->cin, x, squares * s->ldx, s->w * s->ldx, v, v_position);
    else
        transform->input_edge(s->cin, x, s->ldx, s->w * s->ldx, rows, cols, v, v_position);
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
