/* 3x3 and 5x5 convolution of stride 1, and 7x7 of stride 2. F(4x4, 3x3): the map is cut into tiles of 4 x 4 outputs; each of the 36 positions of a
 * transformed tile is a matrix product over channels, computed by the register tile of gemm_tile.inc. 2.25 instead of 9 multiply-adds
 * an output; the price is rounding (a few times 2^-24 of the transformed magnitudes), range (values beyond about 1e36 become NaN) and 4
 * times the weights.
 * F(2x2, 3x3) does the same with tiles of 2 x 2: 4 multiply-adds an output, less rounding, 1.8 times the weights.
 * F(2x2, 5x5), the same 36 positions: 9 instead of 25 multiply-adds an output, 1.44 times the weights.
 * F(3x3, 4x4), the same 36 positions, for 7x7 windows of stride 2: 16 instead of 49 multiply-adds an output, 2.9 times the weights.
 */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    BLOCK =
        14, /* tiles that a thread takes at a time; 28 and 56 are up to 20% slower on 14x14 and 7x7 maps of a batch (512 KiB of cache) */
    LARGE_BLOCK = 28,   /* the same with AVX-512, whose machines have second-level caches of 1 MiB or more */
    APART = CACHE_LINE, /* floats between tiles, so that those of a product are not all in the same sets of a cache */
    MAX_BLOCK = 56, /* with few tiles, all of them: threads share the output channels, and weights are fetched once, not for every block */
};

/* The tiles of all maps in blocks of `block`, and `tasks`: a task is a block, but a block that lies on the boundary between the parts
   of two threads is cut into `groups` of output channels. So few blocks keep every thread equally busy. */
struct plan {
    struct mg_grid grid;
    size_t block, blocks, threads, groups, tasks;
    size_t position, tile; /* floats from one position of a transformed tile to the next, and from one tile to the next */
};

/* The block that boundary number t (1 to threads - 1) cuts, or SIZE_MAX if it lies between two blocks or in a block that is already cut. */
static size_t cut_by(const struct plan *p, size_t t)
{
    const size_t block = p->blocks * t / p->threads, before = p->blocks * (t - 1) / p->threads;
    const int inside = p->blocks * t % p->threads != 0, again = t > 1 && before == block && p->blocks * (t - 1) % p->threads != 0;
    return inside && !again ? block : SIZE_MAX;
}

static struct plan plan_of(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    struct plan p = {.grid = mg_grid(s, s->side), .threads = (size_t)machine->threads};
    p.block = (k->lanes == MAX_LANES ? LARGE_BLOCK : s->kh == FOLDED ? MAX_BLOCK : BLOCK) / k->heights[0] * k->heights[0];
    p.position = s->kh == FOLDED ? mg_folded_channels(s->cin, k->lanes) : p.grid.channels;
    p.tile = p.grid.positions * p.position + APART;
    if (p.grid.tiles < p.block * 2 * p.threads)
        p.block = mg_min(MAX_BLOCK, p.grid.tiles ? p.grid.tiles : 1);
    p.tasks = p.blocks = mg_ceil_div(p.grid.tiles, p.block);
    p.groups = mg_min(p.threads, mg_panel_count(k, s->cout));
    for (size_t t = 1; t < p.threads; t++)
        p.tasks += cut_by(&p, t) == SIZE_MAX ? 0 : p.groups - 1;
    return p;
}

size_t mg_winograd_panels_size(size_t side, size_t taps, size_t cin, size_t cout, const struct mg_machine *machine)
{
    const size_t size = mg_tile_size(side, taps);
    return size * size * mg_panels_size(mg_tile_channels(taps, cin), cout, machine);
}

size_t mg_conv2d_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct plan p = plan_of(s, machine);
    return p.threads * p.block * (p.tile + p.grid.positions * 2 * mg_kernels(machine)->lanes);
}

/* The taps of channel number `channel` of a folded map, n output channels each, MAX_LANES floats apart. */
static void fold_taps(size_t channel, size_t cin, size_t cout, size_t n, const float *w, float taps[16 * MAX_LANES])
{
    const size_t row = channel / (2 * cin), column = channel / cin % 2;
    memset(taps, 0, 16 * MAX_LANES * sizeof *taps);
    for (size_t y = row; y < FOLDED; y += 2)
        for (size_t x = column; x < FOLDED; x += 2)
            memcpy(taps + (y / 2 * 4 + x / 2) * MAX_LANES, w + ((y * FOLDED + x) * cin + channel % cin) * cout, n * sizeof *taps);
}

void mg_winograd_pack(size_t side, size_t taps, size_t cin, size_t cout, const float *w, float *panels, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t size = mg_tile_size(side, taps), positions = size * size, columns = 2 * k->lanes, channels = mg_tile_channels(taps, cin);

    PARALLEL_FOR(p, mg_panel_count(k, cout), positions * channels * cout, machine) {
        const size_t width = mg_panel_width(k, cout, p), position = width * (channels + 1);
        float *panel = panels + p * columns * positions * (channels + 1);
        for (size_t i = 0; i < positions; i++)
            memset(panel + i * position, 0, width * sizeof *panel); /* no bias here: it is added after the output transform */
        for (size_t c = 0; c < channels; c++)
            for (size_t j = 0; j < width; j += k->lanes) {
                const size_t column = p * columns + j, n = cout - column;
                float squares[16 * MAX_LANES], *u = panel + (c + 1) * width + j;
                if (taps == FOLDED)
                    fold_taps(c, cin, cout, mg_min(n, k->lanes), w + column, squares);
                const float *of_channel = taps == FOLDED ? squares : w + c * cout + column;
                mg_transforms(k, side, taps)->weights(n, of_channel, taps == FOLDED ? MAX_LANES : cin * cout, u, position);
            }
    }
}

/* m[tile, position, width] = v[tile, position, channels] * panel[position, channels, width], for all positions, each of m 2 * LANES floats; on
   the way the next position's weights are prefetched, those before panels_end, and a part of the pixels that are read next. */
static void multiply(const struct kernels *k, const struct plan *p, size_t tiles, const float *v, const float *panel,
                     const float *panels_end, size_t width, struct mg_next *next_pixels, float *m)
{
    const size_t channels = p->grid.channels, position = width * (channels + 1), columns = 2 * k->lanes;
    struct conv_tile t = {.runs = {.rows = 1, .in_row = 1, .length = channels}, .ldy = p->grid.positions * columns};
    const float *rows[MAX_BLOCK + MAX_HEIGHT];
    for (size_t i = 0; i < p->grid.positions; i++, v += p->position, m += columns, panel += position) {
        mg_prefetch(next_pixels);
        for (size_t tile = 0; tile < tiles + k->heights[0]; tile++) /* rows past the end repeat the last and are not written */
            rows[tile] = v + mg_min(tile, tiles - 1) * p->tile;
        const float *next = panel + position;
        mg_look_ahead(&t, next, mg_min((size_t)(panels_end - next), position), mg_ceil_div(tiles, k->heights[0]) * channels, panels_end, v);
        mg_conv_tiles(k, &t, channels, width / k->lanes, rows, panel, m, tiles, width);
    }
}

/* One convolution and the addresses of its operands. */
struct job {
    const struct mg_conv *s;
    const float *x, *panels, *bias, *residual;
    float *y;
};

/* The lines of y that a tile will write, `floats` of each pixel. */
static void prefetch_tile(const struct mg_conv *s, const struct mg_grid g, size_t tile, size_t floats, const float *y)
{
    const size_t rows = mg_rows_left(s, g, tile), cols = mg_cols_left(s, g, tile);
    y += mg_corner(g, g.side, tile, s->out_h, s->out_w) * s->ldy;
    for (size_t row = 0; row < rows; row++)
        for (size_t col = 0; col < cols; col++)
            for (size_t c = 0; c < floats; c += CACHE_LINE)
                __builtin_prefetch(y + (row * s->out_w + col) * s->ldy + c, 1);
}

/* Tiles [first, end), output channels of panels [panel, panel_end). Panel by panel, so that the products are still in cache when
   they are transformed. */
static void winograd_task(const struct job *j, const struct kernels *k, const struct plan *p, size_t first, size_t end, size_t panel,
                          size_t panel_end, float *v)
{
    const struct mg_conv *s = j->s;
    const struct winograd *transform = mg_transforms(k, p->grid.side, s->kh);
    float *m = v + p->block * p->tile;
    for (size_t tile = first; tile < end; tile++)
        mg_transform_inputs(s, k, p->grid, tile, j->x, v + (tile - first) * p->tile, p->position);

    const size_t floats_of_column = p->grid.positions * (p->grid.channels + 1);
    const float *panels_end = j->panels + mg_round_up(s->cout, k->lanes) * floats_of_column;
    struct mg_next next = mg_next_tiles(p->grid, end, mg_min(end + p->block, p->grid.tiles), (panel_end - panel) * p->grid.positions,
                                        p->grid.step, s->h, s->w, j->x, s->ldx);
    for (; panel < panel_end; panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        multiply(k, p, end - first, v, j->panels + column * floats_of_column, panels_end, width, &next, m);
        for (size_t tile = first; tile < end; tile++) {
            const size_t corner = mg_corner(p->grid, p->grid.side, tile, s->out_h, s->out_w);
            if (tile + 1 < end)
                prefetch_tile(s, p->grid, tile + 1, mg_min(width, s->cout - column), j->y + column);
            const struct epilogue e = mg_epilogue(s, j->residual ? j->residual + corner * s->ldr + column : NULL);
            transform->output(mg_min(width, s->cout - column), m + (tile - first) * p->grid.positions * 2 * k->lanes,
                              j->bias ? j->bias + column : NULL, &e, j->y + corner * s->ldy + column, s->ldy, s->out_w,
                              mg_rows_left(s, p->grid, tile), mg_cols_left(s, p->grid, tile));
        }
    }
}

void mg_conv2d_winograd(const struct mg_conv *s, const float *x, const float *panels, const float *bias, const float *residual, float *y,
                        float *scratch, const struct mg_machine *machine)
{
    const struct plan p = plan_of(s, machine);
    mg_check_winograd(s, p.grid);
    const struct job j = {s, x, panels, bias, residual, y};
    const struct kernels *k = mg_kernels(machine);
    const size_t scratch_size = mg_conv2d_winograd_scratch(s, machine) / p.threads, n_panels = mg_panel_count(k, s->cout);

    PARALLEL_FOR(task, p.tasks, p.grid.tiles * p.grid.positions * p.grid.channels * s->cout / MULTIPLY_ADDS, machine) {
        size_t block = task, group = 0, groups = 1;
        for (size_t t = 1; t < p.threads && groups == 1; t++) {
            const size_t cut = cut_by(&p, t);
            if (cut == SIZE_MAX || block < cut)
                continue;
            if (block < cut + p.groups) {
                group = block - cut, groups = p.groups, block = cut;
            } else {
                block -= p.groups - 1;
            }
        }
        winograd_task(&j, k, &p, block * p.block, mg_min((block + 1) * p.block, p.grid.tiles), n_panels * group / groups,
                      n_panels * (group + 1) / groups, scratch + (size_t)MG_THREAD() * scratch_size);
    }
}
