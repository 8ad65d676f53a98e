/* 3x3 convolution of stride 1 of bf16 by F(2x2, 3x3) (bf16_winograd.inc): 4 instead of 9 multiply-adds an output, 1.8 times the weights. */
#include "narrow_kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    SIDE = 2,
    POSITIONS = 16,
    BLOCK = 4,           /* full tiles of transformed tiles that a thread multiplies at a time: with their products they fit the L2 cache */
    SPREAD = CACHE_LINE, /* floats after each position, so that its neighbours do not lie in the same sets of the first-level cache */
};

/* One convolution. apart: values from one transformed tile to the next; positions of V (values) and M (floats) of a block. */
struct job {
    const struct mg_conv *s;
    const struct kernels *k;
    const struct narrow_kernels *q;
    struct mg_grid grid;
    size_t words, apart, heights, blocks, parts, v_position, m_position;
};

static struct job job_of(const struct mg_conv *s, const struct mg_machine *machine)
{
    struct job j = {.s = s, .k = mg_kernels(machine), .q = mg_bf16_kernels(machine), .grid = mg_grid(s, SIDE)};
    const size_t threads = (size_t)machine->threads;
    j.words = mg_ceil_div(s->cin, 2);
    j.apart = mg_round_up(s->cin, MAX_LANES);
    j.heights = mg_ceil_div(j.grid.tiles, j.q->heights[0]);
    j.blocks = mg_max(mg_ceil_div(j.heights, BLOCK), mg_min(j.heights / 2, threads));
    if (j.blocks > threads)
        j.blocks = mg_round_up(j.blocks, threads); /* as many for each thread */
    j.parts = j.blocks ? mg_min(mg_panel_count(j.k, s->cout), mg_ceil_div(threads, j.blocks)) : 1;
    const size_t block = j.blocks ? mg_ceil_div(j.heights, j.blocks) * j.q->heights[0] : 0;
    j.v_position = block * j.apart + 2 * SPREAD;
    j.m_position = block * 2 * j.k->lanes + SPREAD;
    return j;
}

static size_t own_floats(const struct job *j)
{
    return POSITIONS * (j->v_position / 2 + j->m_position);
}

size_t mg_bf16_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct job j = job_of(s, machine);
    return (size_t)machine->threads * own_floats(&j);
}

size_t mg_bf16_winograd_size(size_t cin, size_t cout, const struct mg_machine *machine)
{
    return POSITIONS * mg_ceil_div(cin, 2) * mg_round_up(cout, mg_kernels(machine)->lanes);
}

/* A panel of output channels has, for each position, a line for each word of channels, two values of each output channel. */
void mg_bf16_winograd_pack(size_t cin, size_t cout, const uint16_t *u, int32_t *panels, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t columns = 2 * k->lanes, lines = POSITIONS * mg_ceil_div(cin, 2);

    PARALLEL_FOR(p, mg_panel_count(k, cout), POSITIONS * cin * cout, machine) {
        const size_t width = mg_panel_width(k, cout, p), n = mg_min(width, cout - p * columns);
        uint16_t *panel = (uint16_t *)(panels + lines * columns * p);
        for (size_t i = 0; i < 2 * lines * width; i++)
            panel[i] = 0;
        for (size_t i = 0; i < POSITIONS; i++)
            for (size_t c = 0; c < cin; c++) {
                uint16_t *line = panel + 2 * width * (i * mg_ceil_div(cin, 2) + c / 2) + c % 2;
                for (size_t o = 0; o < n; o++)
                    line[2 * o] = u[(i * cin + c) * cout + p * columns + o];
            }
    }
}

/* The pixels under a tile. Those beyond the map are terms of outputs beyond it only: any pixel does. */
static void transform_pixels(const struct job *j, const uint16_t *x, size_t tile, uint16_t *v)
{
    const struct mg_conv *s = j->s;
    const size_t image = tile / j->grid.across / j->grid.down;
    const size_t row = tile / j->grid.across % j->grid.down * SIDE, col = tile % j->grid.across * SIDE;
    const uint16_t *rows[SIDE + 2];
    size_t cols[SIDE + 2];
    for (size_t i = 0; i < SIDE + 2; i++) {
        rows[i] = x + (image * s->h + mg_min(row + i, s->h - 1)) * s->w * s->ldx;
        cols[i] = mg_min(col + i, s->w - 1) * s->ldx;
    }
    j->q->winograd->input(s->cin, rows, cols, v, j->v_position);
}

/* m = v * panel at every position. */
static void multiply(const struct job *j, size_t tiles, size_t vectors, const uint16_t *v, const int32_t *panel, float *m)
{
    const size_t width = vectors * j->k->lanes;
    for (size_t i = 0; i < POSITIONS; i++, v += j->v_position, m += j->m_position, panel += j->words * width)
        for (size_t tile = 0; tile < tiles; tile += j->q->heights[0])
            j->q->winograd->products[mg_height_for(j->q->heights, mg_min(tiles - tile, j->q->heights[0]))][vectors - 1](
                j->words, v + tile * j->apart, j->apart, panel, m + tile * width, width);
}

/* Tiles [first, end), panels [panel, panel_end) of output channels. */
static void winograd_task(const struct job *j, const uint16_t *x, const int32_t *panels, const float *bias, uint16_t *y, size_t first,
                          size_t end, size_t panel, size_t panel_end, float *own)
{
    const struct mg_conv *s = j->s;
    const struct narrow_tile t = {.low = s->alpha, .high = s->beta, .ldy = s->ldy};
    uint16_t *const v = (uint16_t *)(own + POSITIONS * j->m_position);
    for (size_t tile = first; tile < end; tile++)
        transform_pixels(j, x, tile, v + (tile - first) * j->apart);
    for (; panel < panel_end; panel++) {
        const size_t column = panel * 2 * j->k->lanes, width = mg_panel_width(j->k, s->cout, panel);
        multiply(j, end - first, width / j->k->lanes, v, panels + POSITIONS * j->words * column, own);
        for (size_t tile = first; tile < end; tile++)
            j->q->winograd->output(mg_min(width, s->cout - column), own + (tile - first) * width, j->m_position,
                                   bias ? bias + column : NULL, &t,
                                   y + mg_corner(j->grid, SIDE, tile, s->out_h, s->out_w) * s->ldy + column, s->out_w * s->ldy,
                                   mg_rows_left(s, j->grid, tile), mg_cols_left(s, j->grid, tile));
    }
}

void mg_bf16_conv2d_winograd(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, const float *bias, uint16_t *y,
                             float *scratch, const struct mg_machine *machine)
{
    mg_check_conv(s);
    assert(s->kh == 3 && s->kw == 3 && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 && s->groups <= 1);
    const struct job j = job_of(s, machine);
    const size_t n_panels = mg_panel_count(j.k, s->cout), height = j.q->heights[0];
    const size_t work = j.grid.tiles * POSITIONS * j.words * s->cout / MULTIPLY_ADDS;

    PARALLEL_FOR(task, j.blocks * j.parts, work, machine) {
        const size_t block = task / j.parts, part = task % j.parts;
        winograd_task(&j, x, panels, bias, y, j.heights * block / j.blocks * height,
                      mg_min(j.heights * (block + 1) / j.blocks * height, j.grid.tiles), n_panels * part / j.parts,
                      n_panels * (part + 1) / j.parts, scratch + (size_t)MG_THREAD() * own_floats(&j));
    }
}
