/* The weight gradient of a 3x3 or 5x5 convolution of stride 1 in the transformed domain: for each of 36 positions, input tiles transposed
 * times output gradients, summed over tiles by the register tile of gemm_tile.inc, then one transform back to the weights. A quarter
 * (5x5: a third) of the multiplications of conv_weight.c. The tiles are summed in blocks, the blocks in MAX_PARTS parts: by shape alone.
 */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    POSITIONS = 36,
    BLOCK = 56,    /* tiles in one running sum */
    MAX_PARTS = 4, /* each with its own 36 x cin x cout sums */
};

/* Where one part keeps what it computes. */
struct part {
    float *sums; /* [position, cin, cout] */
    float *v;    /* [position, tile, cin]: transformed inputs of a block */
    float *d;    /* [position, tile, width]: transformed output gradients of a block, one panel */
};

static size_t parts_of(struct mg_grid g)
{
    return g.tiles > BLOCK ? mg_min(MAX_PARTS, mg_ceil_div(g.tiles, BLOCK)) : 1;
}

static size_t sums_size(const struct mg_conv *s)
{
    return POSITIONS * s->cin * s->cout;
}

static size_t part_size(const struct mg_conv *s)
{
    return sums_size(s) + POSITIONS * BLOCK * (s->cin + 2 * mg_kernels()->lanes);
}

/* F(4x4, 3x3) or F(2x2, 5x5). */
static struct mg_grid grid_of(const struct mg_conv *s)
{
    return mg_grid(s, s->kh == 3 ? 4 : 2);
}

size_t mg_conv2d_weight_winograd_scratch(const struct mg_conv *s)
{
    return parts_of(grid_of(s)) * part_size(s);
}

/* sums[position] += v[position]^T d[position] for one panel of columns: rows of cin in the tallest tiles that fit. */
static void accumulate(const struct mg_conv *s, const struct kernels *k, const struct part *part, size_t tiles, size_t column, size_t width)
{
    const struct weight_tile t = {.images = 1, .rows = 1, .pixels = tiles, .x_pixel = s->cin, .dw_row = s->cout};
    const size_t n_cols = mg_min(width, s->cout - column);
    int height = 0;
    while (k->heights[height] > s->cin)
        height++;
    for (size_t i = 0; i < POSITIONS; i++)
        for (size_t at = 0; at < s->cin; at += k->heights[height]) {
            const size_t back = at + k->heights[height] > s->cin ? at + k->heights[height] - s->cin : 0;
            k->weight_tile[height][width / k->lanes - 1](&t, part->v + i * BLOCK * s->cin + at - back, part->d + i * BLOCK * width,
                                                         part->sums + (i * s->cin + at - back) * s->cout + column, back, n_cols);
        }
}

/* Tiles [first, end), at most BLOCK of them, added to the part's sums. */
static void block(const struct mg_conv *s, const struct kernels *k, struct mg_grid g, const float *x, const float *dy, size_t first,
                  size_t end, const struct part *part)
{
    const struct winograd *transform = mg_transforms(k, g.side, s->kh);
    for (size_t tile = first; tile < end; tile++)
        transform->input(s->cin, x + mg_corner(g, tile, s->h, s->w) * s->x_pixel, s->x_pixel, s->w * s->x_pixel,
                         part->v + (tile - first) * s->cin, BLOCK * s->cin);
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        for (size_t tile = first; tile < end; tile++)
            transform->output_transposed(mg_min(width, s->cout - column), width,
                                         dy + mg_corner(g, tile, s->out_h, s->out_w) * s->y_pixel + column, s->y_pixel,
                                         s->out_w * s->y_pixel, mg_rows_left(s, g, tile), mg_cols_left(s, g, tile),
                                         part->d + (tile - first) * width, BLOCK * width);
        accumulate(s, k, part, end - first, column, width);
    }
}

void mg_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch)
{
    const struct kernels *k = mg_kernels();
    const struct mg_grid g = grid_of(s);
    mg_check_winograd(s, g);
    const size_t parts = parts_of(g), blocks = mg_ceil_div(g.tiles, BLOCK), work = g.tiles * POSITIONS * s->cin * s->cout / MULTIPLY_ADDS;

    PARALLEL_FOR(i, parts, work) {
        float *at = scratch + i * part_size(s);
        const struct part part = {.sums = at, .v = at + sums_size(s), .d = at + sums_size(s) + POSITIONS * BLOCK * s->cin};
        memset(part.sums, 0, sums_size(s) * sizeof *at);
        for (size_t b = i * blocks / parts; b < (i + 1) * blocks / parts; b++)
            block(s, k, g, x, dy, b * BLOCK, mg_min((b + 1) * BLOCK, g.tiles), &part);
    }

    PARALLEL_FOR(c, s->cin, work) { /* the parts' sums of one input channel, then back to weights */
        for (size_t i = 0; i < POSITIONS; i++)
            for (size_t part = 1; part < parts; part++) {
                float *row = scratch + (i * s->cin + c) * s->cout;
                k->add(s->cout, row, row + part * part_size(s), row);
            }
        mg_transforms(k, g.side, s->kh)->weights_transposed(s->cout, scratch + c * s->cout, s->cin * s->cout, dw + c * s->cout, s->cin * s->cout);
    }
}
