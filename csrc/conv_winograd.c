/* 3x3 convolution of stride 1 by F(4x4, 3x3): the map in tiles of 4 x 4 outputs, each position of the 36 of a transformed tile a
 * matrix product over channels by the register tile of gemm_tile.inc. 2.25 instead of 9 multiply-adds an output; the price is
 * rounding (a few times 2^-24 of the transformed magnitudes), range (values beyond about 1e36 become NaN) and 4 times the weights.
 */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    MAX_BLOCK = 14, /* tiles that a thread takes at a time; 28 and 56 are up to 20% slower on 14x14 and 7x7 maps */
};

/* The tiles of all maps, and how many a thread takes at a time. */
struct plan {
    struct mg_grid grid;
    size_t block;
};

static struct plan plan_of(const struct mg_conv *s)
{
    const size_t height = mg_kernels()->heights[0];
    struct plan p = {.grid = mg_grid(s), .block = MAX_BLOCK / height * height};
    if (p.grid.tiles < p.block * 2 * (size_t)mg_threads())
        p.block /= 2;
    return p;
}

size_t mg_winograd_panels_size(size_t cin, size_t cout)
{
    return POSITIONS * mg_panels_size(cin, cout);
}

size_t mg_conv2d_winograd_scratch(const struct mg_conv *s)
{
    return (size_t)mg_threads() * POSITIONS * plan_of(s).block * (s->cin + 2 * mg_kernels()->lanes);
}

void mg_winograd_pack(size_t cin, size_t cout, const float *w, float *panels)
{
    const struct kernels *k = mg_kernels();
    const size_t position = mg_panels_size(cin, cout), columns = 2 * k->lanes;

    PARALLEL_FOR(POSITIONS * cin * cout)
    for (size_t p = 0; p < mg_panel_count(k, cout); p++) {
        const size_t width = mg_panel_width(k, cout, p);
        float *panel = panels + p * columns * (cin + 1);
        for (size_t i = 0; i < POSITIONS; i++)
            memset(panel + i * position, 0, width * sizeof *panel); /* no bias here: it is added after the output transform */
        for (size_t c = 0; c < cin; c++)
            for (size_t j = 0; j < width; j += k->lanes) {
                const size_t column = p * columns + j;
                k->winograd_weights(cout - column, w + c * cout + column, cin * cout, panel + (c + 1) * width + j, position);
            }
    }
}

/* m[position, tile, width] = v[position, tile, cin] * panel[position, cin, width], for all positions. */
static void multiply(const struct mg_conv *s, const struct kernels *k, size_t block, size_t tiles, const float *v, const float *panel,
                     size_t width, float *m)
{
    const struct conv_tile t = {.runs = 1, .run = s->cin, .y_pixel = width};
    const size_t position = mg_panels_size(s->cin, s->cout);
    const float *rows[MAX_BLOCK];
    for (size_t i = 0; i < POSITIONS; i++, v += block * s->cin, m += block * width, panel += position) {
        for (size_t tile = 0; tile < block; tile++)
            rows[tile] = v + mg_min(tile, tiles - 1) * s->cin;
        for (size_t tile = 0; tile < tiles; tile += k->heights[0]) {
            const size_t n_rows = mg_min(k->heights[0], tiles - tile);
            k->conv_tile[mg_height_for(k, n_rows)][width / k->lanes - 1](&t, rows + tile, panel, m + tile * width, n_rows, width);
        }
    }
}

/* Tiles [first, end). Panel by panel, so that the products are still in cache when they are transformed. */
static void winograd_task(const struct mg_conv *s, const struct kernels *k, const struct plan *p, const float *x, const float *panels,
                          const float *bias, int relu, float *y, size_t first, size_t end, float *v)
{
    float *m = v + POSITIONS * p->block * s->cin;
    for (size_t tile = first; tile < end; tile++)
        k->winograd_input(s->cin, x + mg_corner(p->grid, tile, s->h, s->w) * s->x_pixel, s->x_pixel, s->w * s->x_pixel,
                          v + (tile - first) * s->cin, p->block * s->cin);

    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        multiply(s, k, p->block, end - first, v, panels + column * (s->cin + 1), width, m);
        for (size_t tile = first; tile < end; tile++)
            k->winograd_output(mg_min(width, s->cout - column), m + (tile - first) * width, p->block * width, bias ? bias + column : NULL, relu,
                               y + mg_corner(p->grid, tile, s->out_h, s->out_w) * s->y_pixel + column, s->y_pixel, s->out_w * s->y_pixel,
                               mg_rows_left(s, p->grid, tile), mg_cols_left(s, p->grid, tile));
    }
}

void mg_conv2d_winograd(const struct mg_conv *s, const float *x, const float *panels, const float *bias, int relu, float *y, float *scratch)
{
    const struct kernels *k = mg_kernels();
    const struct plan p = plan_of(s);
    mg_check_winograd(s, p.grid);
    const size_t scratch_size = mg_conv2d_winograd_scratch(s) / (size_t)mg_threads();

    PARALLEL_FOR(p.grid.tiles * POSITIONS * s->cin * s->cout / MULTIPLY_ADDS)
    for (size_t block = 0; block < mg_ceil_div(p.grid.tiles, p.block); block++)
        winograd_task(s, k, &p, x, panels, bias, relu, y, block * p.block, mg_min((block + 1) * p.block, p.grid.tiles),
                      scratch + (size_t)MG_THREAD() * scratch_size);
}
