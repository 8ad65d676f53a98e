/* 3x3 convolution of stride 1 by F(4x4, 3x3) (winograd.inc, conv_winograd.c) with products of bf16, for training: the transforms, in float32, are
 * rounded to bf16 once, which costs 5 times the error of direct products of bf16 and saves three quarters of them. The pixels under a tile are
 * widened when they are transformed, so that no map is copied.
 */
#include <string.h>
#include "narrow_kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    SIDE = 4,
    SIZE = 6,
    POSITIONS = 36,
    ROWS_OF_TILES =
        2, /* full heights of the register tile that a thread takes at a time: with their products they fit the second-level cache */
};

/* One convolution. apart: channels of a transformed tile, a multiple of the widest vector; positions are so many values
   of V apart, tiles so many floats of M. */
struct job {
    const struct mg_conv *s;
    const struct mg_bf16_operands *a;
    const struct kernels *k;
    const struct narrow_kernels *q;
    struct mg_grid grid;
    size_t words, apart, block, v_position, m_tile;
};

static struct job job_of(const struct mg_conv *s, const struct mg_bf16_operands *a, const struct mg_machine *machine)
{
    struct job j = {s, a, mg_kernels(machine), mg_bf16_kernels(machine), .grid = mg_grid(s, SIDE)};
    j.words = mg_ceil_div(s->cin, 2);
    j.apart = mg_round_up(s->cin, MAX_LANES);
    j.block = ROWS_OF_TILES * j.q->heights[0];
    j.v_position = j.block * j.apart + 2 * CACHE_LINE;
    j.m_tile = POSITIONS * 2 * j.k->lanes + CACHE_LINE;
    return j;
}

/* Of a thread: V, in values of bf16; M; the pixels of a tile and its transform, or the outputs of one. */
static size_t own_floats(const struct job *j)
{
    return POSITIONS * j->v_position / 2 + j->block * j->m_tile + 2 * POSITIONS * mg_max(j->apart, 2 * j->k->lanes);
}

size_t mg_bf16_winograd_4_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct job j = job_of(s, NULL, machine);
    return (size_t)machine->threads * own_floats(&j);
}

size_t mg_bf16_winograd_4_size(size_t cin, size_t cout, const struct mg_machine *machine)
{
    return POSITIONS * mg_ceil_div(cin, 2) * mg_round_up(cout, mg_kernels(machine)->lanes);
}

void mg_bf16_winograd_4_pack(size_t cin, size_t cout, const float *w, int32_t *panels, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t words = mg_ceil_div(cin, 2);

    PARALLEL_FOR(p, mg_panel_count(k, cout), POSITIONS * cin * cout, machine) {
        const size_t first = p * 2 * k->lanes, width = mg_panel_width(k, cout, p);
        int32_t *panel = panels + POSITIONS * words * first;
        for (size_t c = 0; c < cin; c += 2)
            for (size_t j = 0; j < width; j += k->lanes) {
                float u[2][POSITIONS * MAX_LANES];
                const size_t column = first + j, n = mg_min(2, cin - c);
                for (size_t i = 0; i < n; i++)
                    mg_transforms(k, SIDE, 3)->weights(cout - column, w + (c + i) * cout + column, cin * cout, u[i], k->lanes);
                for (size_t position = 0; position < POSITIONS; position++)
                    k->half_rows->pair_float_rows(k->lanes, u[0] + position * k->lanes, n > 1 ? u[1] + position * k->lanes : NULL,
                                                  panel + (position * words + c / 2) * width + j);
            }
    }
}

/* The 6 x 6 pixels under a tile in float32, zeros outside of the map. */
static void widen(const struct job *j, size_t tile, float *pixels)
{
    const struct mg_conv *s = j->s;
    const size_t image = tile / j->grid.across / j->grid.down, c = s->cin;
    const ptrdiff_t top = (ptrdiff_t)(tile / j->grid.across % j->grid.down * SIDE) - j->a->top;
    const ptrdiff_t left = (ptrdiff_t)(tile % j->grid.across * SIDE) - j->a->left;
    for (size_t i = 0; i < POSITIONS; i++, pixels += c) {
        const ptrdiff_t y = top + (ptrdiff_t)(i / SIZE), x = left + (ptrdiff_t)(i % SIZE);
        const size_t at = ((image * s->h + (size_t)y) * s->w + (size_t)x) * s->ldx;
        if (y < 0 || x < 0 || y >= (ptrdiff_t)s->h || x >= (ptrdiff_t)s->w)
            memset(pixels, 0, c * sizeof *pixels);
        else if (j->a->x)
            j->k->half_rows->from_bf16(c, j->a->x + at, pixels);
        else
            memcpy(pixels, j->a->x_float + at, c * sizeof *pixels);
    }
}

static void transform_pixels(const struct job *j, size_t tile, uint16_t *v, float *pixels)
{
    float *const transformed = pixels + POSITIONS * j->apart;
    widen(j, tile, pixels);
    mg_transforms(j->k, SIDE, 3)->input(j->s->cin, pixels, j->s->cin, SIZE * j->s->cin, transformed, j->apart);
    for (size_t i = 0; i < POSITIONS; i++) {
        j->k->half_rows->to_bf16(j->s->cin, transformed + i * j->apart, v + i * j->v_position);
        if (j->s->cin % 2)
            v[i * j->v_position + j->s->cin] = 0;
    }
}

/* m = v * panel at every position. */
static void multiply(const struct job *j, size_t tiles, size_t vectors, const uint16_t *v, const int32_t *panel, float *m)
{
    const size_t width = vectors * j->k->lanes, *heights = j->q->heights;
    for (size_t i = 0; i < POSITIONS; i++, v += j->v_position, m += 2 * j->k->lanes, panel += j->words * width)
        for (size_t tile = 0; tile < tiles; tile += heights[0])
            j->q->winograd->products[mg_height_for(heights, mg_min(tiles - tile, heights[0]))][vectors - 1](
                j->words, v + tile * j->apart, j->apart, panel, m + tile * j->m_tile, j->m_tile);
}

/* The outputs of a tile, `n` channels from `column` on. m: its sums. */
static void store(const struct job *j, size_t tile, size_t column, size_t n, const float *m, float *square)
{
    const struct mg_conv *s = j->s;
    const struct mg_bf16_operands *a = j->a;
    const size_t at = mg_corner(j->grid, SIDE, tile, s->out_h, s->out_w) * s->ldy + column, wide = 2 * j->k->lanes;
    const size_t rows = mg_rows_left(s, j->grid, tile), cols = mg_cols_left(s, j->grid, tile);
    const struct epilogue e = mg_epilogue(s, a->y_float && a->adds ? a->y_float + at : NULL);
    const float *bias = a->bias ? a->bias + column : NULL;
    const struct winograd *transform = mg_transforms(j->k, SIDE, 3);
    if (a->y_float) {
        transform->output(n, m, bias, &e, a->y_float + at, s->ldy, s->out_w, rows, cols);
        return;
    }
    transform->output(n, m, bias, &e, square, wide, SIDE, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        j->k->half_rows->to_bf16(n, square + (i / cols * SIDE + i % cols) * wide, a->y + at + (i / cols * s->out_w + i % cols) * s->ldy);
}

void mg_bf16_conv2d_winograd_4(const struct mg_conv *s, const struct mg_bf16_operands *a, const int32_t *panels, float *scratch,
                               const struct mg_machine *machine)
{
    assert(s->kh == 3 && s->kw == 3 && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 && s->groups <= 1);
    assert(s->ldx >= s->cin && s->ldy >= s->cout && !a->x == !!a->x_float && !a->y == !!a->y_float);
    const struct job j = job_of(s, a, machine);

    PARALLEL_FOR(task, mg_ceil_div(j.grid.tiles, j.block), j.grid.tiles * POSITIONS * j.words * s->cout / MULTIPLY_ADDS, machine) {
        const size_t first = task * j.block, end = mg_min(first + j.block, j.grid.tiles);
        float *const m = scratch + (size_t)MG_THREAD() * own_floats(&j), *const own = m + j.block * j.m_tile;
        uint16_t *const v = (uint16_t *)(own + 2 * POSITIONS * mg_max(j.apart, 2 * j.k->lanes));
        for (size_t tile = first; tile < end; tile++)
            transform_pixels(&j, tile, v + (tile - first) * j.apart, own);
        for (size_t panel = 0; panel < mg_panel_count(j.k, s->cout); panel++) {
            const size_t column = panel * 2 * j.k->lanes, width = mg_panel_width(j.k, s->cout, panel);
            multiply(&j, end - first, width / j.k->lanes, v, panels + POSITIONS * j.words * column, m);
            for (size_t tile = first; tile < end; tile++)
                store(&j, tile, column, mg_min(width, s->cout - column), m + (tile - first) * j.m_tile, own);
        }
    }
}
