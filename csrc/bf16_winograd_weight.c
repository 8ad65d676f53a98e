/* The weight gradient of a 3x3 convolution of stride 1 in the transformed domain, as conv_winograd_weight.c, with products of bf16: the
 * transforms, in float32, are rounded once, and two neighbouring tiles make a pair. A quarter of the products of bf16_weight.c.
 */
#include <string.h>
#include "narrow_kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    SIDE = 4,
    POSITIONS = 36,
    BATCH = 512,        /* tiles whose products are one running sum */
    APART = CACHE_LINE, /* words between positions, which else begin in the same sets of a cache */
};

/* The layout of the scratch memory. Of a batch: words of two tiles. */
struct place {
    float *sums;                   /* [position, cin, cout] */
    int32_t *v;                    /* [position, pair, cin]: transformed inputs */
    int32_t *d;                    /* [position, panel, pair, width]: transformed output gradients */
    float *own;                    /* of each thread: two transformed tiles, of x or dy */
    size_t pairs;                  /* in a full batch */
    size_t v_position, d_position; /* words from one position to the next */
    size_t tile;                   /* floats of a transformed tile */
};

static struct place place_in(const struct mg_conv *s, const struct kernels *k, float *scratch)
{
    const size_t pairs = mg_ceil_div(mg_min(BATCH, mg_grid(s, SIDE).tiles), 2), line = mg_round_up(s->cout, k->lanes);
    struct place at = {.sums = scratch, .pairs = pairs, .v_position = pairs * s->cin + APART, .d_position = pairs * line + APART};
    at.tile = POSITIONS * mg_max(mg_round_up(s->cin, MAX_LANES), line);
    at.v = (int32_t *)(scratch + POSITIONS * s->cin * s->cout);
    at.d = at.v + POSITIONS * at.v_position;
    at.own = (float *)(at.d + POSITIONS * at.d_position);
    return at;
}

size_t mg_bf16_conv2d_weight_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct place at = place_in(s, mg_kernels(machine), NULL);
    return POSITIONS * (s->cin * s->cout + at.v_position + at.d_position) + (size_t)machine->threads * 2 * at.tile;
}

/* Words of tiles `tile` and, if it is before `end`, tile + 1 of x, the batch's pair number `pair`. */
static void transform_x(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, size_t tile, size_t end,
                        size_t pair, const struct place *at, float *own)
{
    const size_t n = mg_min(2, end - tile), position = at->tile / POSITIONS;
    for (size_t i = 0; i < n; i++)
        mg_transforms(k, SIDE, s->kh)
            ->input(s->cin, x + mg_corner(g, g.step, tile + i, s->h, s->w) * s->ldx, s->ldx, s->w * s->ldx, own + i * at->tile, position);
    for (size_t p = 0; p < POSITIONS; p++)
        k->half_rows->pair_float_rows(s->cin, own + p * position, n > 1 ? own + at->tile + p * position : NULL,
                                      at->v + p * at->v_position + pair * s->cin);
}

/* The same of dy, whose panels are `width` channels wide, zeros after the last. */
static void transform_dy(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *dy, size_t tile, size_t end,
                         size_t pair, const struct place *at, float *own)
{
    const size_t n = mg_min(2, end - tile), position = at->tile / POSITIONS;
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        for (size_t i = 0; i < n; i++)
            mg_transforms(k, SIDE, s->kh)
                ->output_transposed(mg_min(width, s->cout - column), width,
                                    dy + mg_corner(g, SIDE, tile + i, s->out_h, s->out_w) * s->ldy + column, s->ldy, s->out_w * s->ldy,
                                    mg_rows_left(s, g, tile + i), mg_cols_left(s, g, tile + i), own + i * at->tile, position);
        for (size_t p = 0; p < POSITIONS; p++)
            k->half_rows->pair_float_rows(width, own + p * position, n > 1 ? own + at->tile + p * position : NULL,
                                          at->d + p * at->d_position + column * at->pairs + pair * width);
    }
}

/* sums[position] += v[position]^T d[position] over the pairs of a batch, for one panel. */
static void accumulate(const struct mg_conv *s, const struct mg_machine *machine, const struct place *at, size_t pairs, size_t position,
                       size_t panel)
{
    const struct kernels *k = mg_kernels(machine);
    const struct narrow_kernels *q = mg_bf16_kernels(machine);
    const struct pairs_tile t = {.images = 1, .rows = 1, .pairs = pairs, .x_pair = s->cin, .lddw = s->cout};
    const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - column);
    const int32_t *v = at->v + position * at->v_position, *d = at->d + position * at->d_position + at->pairs * column;
    float *sums = at->sums + position * s->cin * s->cout + column;
    int height = 0;
    while (q->heights[height] > s->cin)
        height++;
    for (size_t c = 0; c < s->cin; c += q->heights[height]) {
        const size_t back = c + q->heights[height] > s->cin ? c + q->heights[height] - s->cin : 0;
        q->weight_tile[height][width / k->lanes - 1](&t, v + c - back, d, sums + (c - back) * s->cout, back, n_cols);
    }
}

void mg_bf16_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                                    const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_grid g = mg_grid(s, SIDE);
    assert(s->kh == 3);
    mg_check_winograd(s, g);
    const struct place at = place_in(s, k, scratch);
    const size_t panels = mg_panel_count(k, s->cout);

    PARALLEL_FOR(i, POSITIONS, POSITIONS * s->cin * s->cout, machine)
        memset(at.sums + i * s->cin * s->cout, 0, s->cin * s->cout * sizeof *at.sums);
    for (size_t first = 0; first < g.tiles; first += BATCH) {
        const size_t end = mg_min(first + BATCH, g.tiles), pairs = mg_ceil_div(end - first, 2);
        PARALLEL_FOR(i, pairs, 2 * pairs * POSITIONS * (s->cin + s->cout), machine) {
            float *own = at.own + (size_t)MG_THREAD() * 2 * at.tile;
            transform_x(s, k, g, x, first + 2 * i, end, i, &at, own);
            transform_dy(s, k, g, dy, first + 2 * i, end, i, &at, own);
        }
        PARALLEL_FOR(task, POSITIONS * panels, pairs * POSITIONS * s->cin * s->cout / MULTIPLY_ADDS, machine)
            accumulate(s, machine, &at, pairs, task / panels, task % panels);
    }
    PARALLEL_FOR(c, s->cin, POSITIONS * s->cin * s->cout, machine)
        mg_transforms(k, SIDE, s->kh)
            ->weights_transposed(s->cout, at.sums + c * s->cout, s->cin * s->cout, dw + c * s->cout, s->cin * s->cout);
}
