/* The weight gradient of a 3x3 or 5x5 convolution of stride 1 in the transformed domain: for each of 36 positions, input tiles transposed
 * times output gradients, summed over tiles by the register tile of gemm_tile.inc, then one transform back to the weights. A quarter
 * (5x5: a third) of the multiplications of conv_weight.c. Tiles come in batches: all threads transform a batch, then share its 36 products,
 * so that the sums, which are larger than a cache, are fetched once per batch. The order of every sum depends on the shape alone.
 */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    POSITIONS = 36,
    BATCH = 256,        /* tiles in one running sum */
    APART = CACHE_LINE, /* floats between positions, which else begin in the same sets of a cache */
};

/* The layout of the scratch memory. */
struct place {
    float *sums;                   /* [position, cin, cout] */
    float *v;                      /* [position, tile, cin]: transformed inputs of a batch */
    float *d;                      /* [position, panel, tile, width]: transformed output gradients, a panel's width as in mg_panel_width */
    size_t tiles;                  /* in a full batch */
    size_t v_position, d_position; /* floats from one position to the next */
};

/* F(4x4, 3x3) or F(2x2, 5x5). */
static struct mg_grid grid_of(const struct mg_conv *s)
{
    return mg_grid(s, s->kh == 3 ? 4 : 2);
}

/* Floats in one line of all panels. */
static size_t line_of(const struct mg_conv *s, const struct kernels *k)
{
    return mg_ceil_div(s->cout, k->lanes) * k->lanes;
}

static struct place place_in(const struct mg_conv *s, const struct kernels *k, float *scratch)
{
    const size_t tiles = mg_min(BATCH, grid_of(s).tiles), v_position = tiles * s->cin + APART, d_position = tiles * line_of(s, k) + APART;
    float *v = scratch + POSITIONS * s->cin * s->cout;
    return (struct place){scratch, v, v + POSITIONS * v_position, tiles, v_position, d_position};
}

size_t mg_conv2d_weight_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct place at = place_in(s, mg_kernels(machine), NULL);
    return POSITIONS * (s->cin * s->cout + at.v_position + at.d_position);
}

/* Tile number `tile`, the batch's number `i`, of x and of dy. */
static void transform_tile(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy, size_t tile,
                           size_t i, const struct place *at)
{
    const struct winograd *transform = mg_transforms(k, g.side, s->kh);
    transform->input(s->cin, x + mg_corner(g, g.step, tile, s->h, s->w) * s->ldx, s->ldx, s->w * s->ldx, at->v + i * s->cin,
                     at->v_position);
    const float *corner = dy + mg_corner(g, g.side, tile, s->out_h, s->out_w) * s->ldy;
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        transform->output_transposed(mg_min(width, s->cout - column), width, corner + column, s->ldy, s->out_w * s->ldy,
                                     mg_rows_left(s, g, tile), mg_cols_left(s, g, tile), at->d + column * at->tiles + i * width,
                                     at->d_position);
    }
}

/* sums[position] += v[position]^T d[position] over the `tiles` of a batch, for one panel; rows of cin in the tallest tiles that fit. */
static void accumulate(const struct mg_conv *s, const struct kernels *k, const struct place *at, size_t tiles, size_t position,
                       size_t panel)
{
    const struct weight_tile t = {.images = 1, .rows = 1, .pixels = tiles, .x_col = s->cin, .lddw = s->cout};
    const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - column);
    const float *v = at->v + position * at->v_position, *d = at->d + position * at->d_position + at->tiles * column;
    float *sums = at->sums + position * s->cin * s->cout + column;
    int height = 0;
    while (k->heights[height] > s->cin)
        height++;
    for (size_t c = 0; c < s->cin; c += k->heights[height]) {
        const size_t back = c + k->heights[height] > s->cin ? c + k->heights[height] - s->cin : 0;
        k->weight_tile[height][width / k->lanes - 1](&t, v + c - back, d, sums + (c - back) * s->cout, back, n_cols);
    }
}

void mg_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                               const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_grid g = grid_of(s);
    mg_check_winograd(s, g);
    const struct place at = place_in(s, k, scratch);
    const size_t panels = mg_panel_count(k, s->cout);

    PARALLEL_FOR(i, POSITIONS, POSITIONS * s->cin * s->cout, machine)
        memset(at.sums + i * s->cin * s->cout, 0, s->cin * s->cout * sizeof *at.sums);
    for (size_t first = 0; first < g.tiles; first += BATCH) {
        const size_t tiles = mg_min(BATCH, g.tiles - first);
        PARALLEL_FOR(i, tiles, tiles * POSITIONS * (s->cin + s->cout), machine)
            transform_tile(s, k, g, x, dy, first + i, i, &at);
        PARALLEL_FOR(task, POSITIONS * panels, tiles * POSITIONS * s->cin * s->cout / MULTIPLY_ADDS, machine)
            accumulate(s, k, &at, tiles, task / panels, task % panels);
    }
    PARALLEL_FOR(c, s->cin, POSITIONS * s->cin * s->cout, machine)
        mg_transforms(k, g.side, s->kh)
            ->weights_transposed(s->cout, at.sums + c * s->cout, s->cin * s->cout, dw + c * s->cout, s->cin * s->cout);
}
