/* The weight gradient of a 3x3 or 5x5 convolution of stride 1, or a 7x7 one of stride 2, in the transformed domain: for each of 36 positions,
 * input tiles transposed times output gradients, summed over tiles by the register tile of gemm_tile.inc, then one transform back to the
 * weights. A quarter (5x5 and 7x7: a third) of the multiplications of conv_weight.c. Where the sums are larger than a cache, all threads
 * transform a batch of tiles, then share its 36 products, so that the sums are fetched once per batch. Smaller sums are made in parts of the
 * tiles, each by one thread, in batches so small that they and the sums stay in its cache. The order of every sum depends on the shape alone.
 */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    POSITIONS = 36,
    BATCH = 256,             /* tiles in one running sum */
    PART_BATCH = 32,         /* the same in a part */
    PARTS = 8,               /* of the tiles, for at most ... */
    SUMS_IN_PARTS = 1 << 17, /* ... so many sums: half of a second-level cache */
    APART = CACHE_LINE,      /* floats between positions, which else begin in the same sets of a cache */
};

/* The layout of the scratch memory: of all tiles or of a part of them. */
struct place {
    float *sums;                   /* [position, channels, cout] */
    float *v;                      /* [position, tile, line]: transformed inputs of a batch */
    float *d;                      /* [position, panel, tile, width]: transformed output gradients, a panel's width as in mg_panel_width */
    size_t tiles, line;            /* in a full batch; floats from the channels of one tile to those of the next */
    size_t v_position, d_position; /* floats from one position to the next */
};

/* F(4x4, 3x3), F(2x2, 5x5) or F(3x3, 4x4). */
static struct mg_grid grid_of(const struct mg_conv *s)
{
    return mg_grid(s, s->kh == 3 ? 4 : s->kh == FOLDED ? 3 : 2);
}

/* Floats in one line of all panels. */
static size_t line_of(const struct mg_conv *s, const struct kernels *k)
{
    return mg_round_up(s->cout, k->lanes);
}

static size_t sums_of(const struct mg_conv *s)
{
    return POSITIONS * grid_of(s).channels * s->cout;
}

/* The number of parts that the tiles are split into. */
static size_t parts_of(const struct mg_conv *s)
{
    return sums_of(s) <= SUMS_IN_PARTS ? PARTS : 1;
}

/* sums, and batch: what a batch takes, or NULL. */
static struct place place_in(const struct mg_conv *s, const struct kernels *k, float *sums, float *batch)
{
    struct place at = {.sums = sums, .v = batch, .tiles = mg_min(parts_of(s) > 1 ? PART_BATCH : BATCH, grid_of(s).tiles)};
    at.line = s->kh == FOLDED ? mg_folded_channels(s->cin, k->lanes) : s->cin;
    at.v_position = at.tiles * at.line + APART;
    at.d_position = at.tiles * line_of(s, k) + APART;
    at.d = batch ? batch + POSITIONS * at.v_position : NULL;
    return at;
}

static size_t batch_size(const struct mg_conv *s, const struct kernels *k)
{
    const struct place at = place_in(s, k, NULL, NULL);
    return POSITIONS * (at.v_position + at.d_position);
}

/* Of a folded map, the gradients of its 4x4 windows: [channels, 16, cout]. */
static size_t taps_size(const struct mg_conv *s)
{
    return s->kh == FOLDED ? 16 * grid_of(s).channels * s->cout : 0;
}

size_t mg_conv2d_weight_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const size_t parts = parts_of(s), batches = parts > 1 ? (size_t)machine->threads : 1;
    return parts * sums_of(s) + batches * batch_size(s, mg_kernels(machine)) + taps_size(s);
}

/* Tile number `tile`, the batch's number `i`, of x and of dy. */
static void transform_tile(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy, size_t tile,
                           size_t i, const struct place *at)
{
    const struct winograd *transform = mg_transforms(k, g.side, s->kh);
    mg_transform_inputs(s, k, g, tile, x, at->v + i * at->line, at->v_position);
    const float *corner = dy + mg_corner(g, g.side, tile, s->out_h, s->out_w) * s->ldy;
    if (s->n * s->out_h * s->out_w * s->cout > IN_A_CACHE)
        for (size_t row = 0; row < mg_rows_left(s, g, tile); row++)
            mg_fetch(corner + row * s->out_w * s->ldy, mg_cols_left(s, g, tile), s->cout, s->ldy);
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        transform->output_transposed(mg_min(width, s->cout - column), width, corner + column, s->ldy, s->out_w * s->ldy,
                                     mg_rows_left(s, g, tile), mg_cols_left(s, g, tile), at->d + column * at->tiles + i * width,
                                     at->d_position);
    }
}

/* sums[position] += v[position]^T d[position] over the `tiles` of a batch, for one panel; rows of channels in the tallest tiles that fit, the last
   in the lowest that holds them. */
static void accumulate(const struct mg_conv *s, const struct kernels *k, const struct place *at, size_t channels, size_t tiles,
                       size_t position, size_t panel)
{
    const struct weight_tile t = {.images = 1, .rows = 1, .pixels = tiles, .x_col = at->line, .lddw = s->cout};
    const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - column);
    const float *v = at->v + position * at->v_position, *d = at->d + position * at->d_position + at->tiles * column;
    float *sums = at->sums + position * channels * s->cout + column;
    int height = 0;
    while (k->heights[height] > channels)
        height++;
    for (size_t c = 0; c < channels; c += k->heights[height]) {
        height = mg_rest_height(k, height, channels - c);
        const size_t back = c + k->heights[height] > channels ? c + k->heights[height] - channels : 0;
        k->weight_tile[height][width / k->lanes - 1](&t, v + c - back, d, sums + (c - back) * s->cout, back, n_cols);
    }
}

/* sums += the products of all tiles: batch by batch, each by all threads. */
static void sum_together(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy,
                         const struct place *at, const struct mg_machine *machine)
{
    const size_t panels = mg_panel_count(k, s->cout);
    for (size_t first = 0; first < g.tiles; first += at->tiles) {
        const size_t tiles = mg_min(at->tiles, g.tiles - first);
        PARALLEL_FOR(i, tiles, tiles * POSITIONS * (g.channels + s->cout), machine)
            transform_tile(s, k, g, x, dy, first + i, i, at);
        PARALLEL_FOR(task, POSITIONS * panels, tiles * sums_of(s) / MULTIPLY_ADDS, machine)
            accumulate(s, k, at, g.channels, tiles, task / panels, task % panels);
    }
}

/* The same of the tiles [first, end), by one thread. */
static void sum_part(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy, size_t first,
                     size_t end, const struct place *at)
{
    for (; first < end; first += at->tiles) {
        const size_t tiles = mg_min(at->tiles, end - first);
        for (size_t i = 0; i < tiles; i++)
            transform_tile(s, k, g, x, dy, first + i, i, at);
        const size_t next = first + tiles, next_end = mg_min(next + at->tiles, end);
        struct mg_next next_x = mg_next_tiles(g, next, next_end, POSITIONS, g.step, s->h, s->w, x, s->ldx);
        struct mg_next next_dy = mg_next_tiles(g, next, next_end, POSITIONS, g.side, s->out_h, s->out_w, dy, s->ldy);
        for (size_t position = 0; position < POSITIONS; position++) {
            mg_prefetch(&next_x);
            mg_prefetch(&next_dy);
            for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++)
                accumulate(s, k, at, g.channels, tiles, position, panel);
        }
    }
}

/* sums += all tiles, in parts; those after the first follow it, and are added to it. */
static void sum_parts(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy, float *sums,
                      const struct mg_machine *machine)
{
    const size_t size = sums_of(s);
    float *const batches = sums + PARTS * size;
    PARALLEL_FOR(part, PARTS, g.tiles * size / MULTIPLY_ADDS, machine) {
        const struct place at = place_in(s, k, sums + part * size, batches + (size_t)MG_THREAD() * batch_size(s, k));
        sum_part(s, k, g, x, dy, g.tiles * part / PARTS, g.tiles * (part + 1) / PARTS, &at);
    }
    PARALLEL_FOR(i, POSITIONS, PARTS * size, machine)
        for (size_t part = 1; part < PARTS; part++)
            k->accumulate(size / POSITIONS, sums + part * size + i * (size / POSITIONS), sums + i * (size / POSITIONS));
}

/* The taps of channel number `channel` of a folded map, 4x4, where the 7x7 window has them: the inverse of fold_taps (conv_winograd.c). */
static void unfold_taps(const struct mg_conv *s, size_t channel, const float *taps, float *dw)
{
    const size_t row = channel / (2 * s->cin), column = channel / s->cin % 2;
    for (size_t y = row; y < FOLDED; y += 2)
        for (size_t x = column; x < FOLDED; x += 2)
            memcpy(dw + ((y * FOLDED + x) * s->cin + channel % s->cin) * s->cout, taps + (y / 2 * 4 + x / 2) * s->cout,
                   s->cout * sizeof *dw);
}

void mg_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                               const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_grid g = grid_of(s);
    mg_check_winograd(s, g);
    const size_t weights = g.channels * s->cout, parts = parts_of(s);
    float *const sums = scratch, *const all_taps = scratch + mg_conv2d_weight_winograd_scratch(s, machine) - taps_size(s);

    PARALLEL_FOR(i, parts * POSITIONS, parts * POSITIONS * weights, machine)
        memset(sums + i * weights, 0, weights * sizeof *sums);
    const struct place at = place_in(s, k, sums, sums + sums_of(s));
    if (parts > 1)
        sum_parts(s, k, g, x, dy, sums, machine);
    else
        sum_together(s, k, g, x, dy, &at, machine);

    const struct winograd *transform = mg_transforms(k, g.side, s->kh);
    PARALLEL_FOR(c, g.channels, POSITIONS * weights, machine) {
        if (s->kh == FOLDED) {
            float *taps = all_taps + c * 16 * s->cout;
            transform->weights_transposed(s->cout, sums + c * s->cout, weights, taps, s->cout);
            unfold_taps(s, c, taps, dw);
        } else {
            transform->weights_transposed(s->cout, sums + c * s->cout, weights, dw + c * s->cout, s->cin * s->cout);
        }
    }
}
