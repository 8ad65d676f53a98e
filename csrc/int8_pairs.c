/* Convolution of bytes in pairs of 16 bits (int8_pairs.inc), with the bits of mg_int8_conv2d: 1x1 windows, and 3x3 windows by Winograd's algorithm
 * in integers, with a quarter of the products.
 *
 * A chunk of tiles at a time (of one pixel, or of 4 x 4 outputs): threads widen or transform their pixels; then each takes panels of output
 * channels, widens or transforms a panel's weights, which pays from a few tiles on, multiplies, and writes codes.
 */
#include <assert.h>
#include "narrow_kernels.h"
#include "parallel.h"
#include "winograd.h"

enum {
    PIXELS = 224,      /* of a chunk of 1x1 windows */
    V_WORDS = 1 << 17, /* of the transform of a chunk of 3x3 windows: with a panel's, half of the second-level cache */
    M_TILES = 28,      /* whose products are in memory at a time */
    TILES_IN_PART = 8, /* with few panels, threads share the tiles of each: so many at least */
};

/* One convolution; sizes in words: of a position of V (a chunk), U (one panel) and M. */
struct job {
    const struct mg_conv *s;
    const struct kernels *k;
    const struct narrow_kernels *q;
    struct mg_grid grid;
    int winograd;
    size_t words, chunk, m_tiles, v_position, u_position, m_position;
};

/* `words` and some more: an odd number of cache lines, so that 36 positions that are written in turns do not share the same few sets of the
   first-level cache. */
static size_t odd_lines(size_t words)
{
    return (mg_ceil_div(words, CACHE_LINE) | 1) * CACHE_LINE;
}

static struct job job_of(const struct mg_conv *s, const struct mg_machine *machine)
{
    struct job j = {.s = s, .k = mg_kernels(machine), .q = mg_int8_kernels(machine), .winograd = s->kh == 3};
    j.grid = mg_grid(s, j.winograd ? 4 : 1);
    j.words = s->cin / 4;
    const size_t most = j.winograd ? mg_max(V_WORDS / (j.grid.positions * 2 * j.words), 1) : PIXELS, step = j.q->heights[1];
    const size_t even = mg_ceil_div(j.grid.tiles, mg_max(mg_ceil_div(j.grid.tiles, most), 1));
    j.chunk = mg_min(mg_round_up(even, step), j.grid.tiles);
    j.m_tiles = mg_min(j.winograd ? M_TILES : PIXELS, j.chunk);
    j.v_position = odd_lines(2 * j.words * j.chunk);
    j.u_position = odd_lines(2 * j.words * 2 * j.k->lanes);
    j.m_position = odd_lines(2 * j.k->lanes * j.m_tiles);
    return j;
}

static size_t own_words(const struct job *j)
{
    return j->grid.positions * (j->u_position + j->m_position);
}

size_t mg_int8_pairs_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct job j = job_of(s, machine);
    return j.grid.positions * j.v_position + (size_t)machine->threads * own_words(&j);
}

/* The pixels under a tile. Those beyond the map belong to outputs beyond it: any pixel does, as all sums are exact. */
static void transform_pixels(const struct job *j, const uint8_t *x, size_t tile, int32_t *v)
{
    const struct mg_conv *s = j->s;
    const size_t side = j->grid.side, image = tile / j->grid.across / j->grid.down;
    const size_t row = tile / j->grid.across % j->grid.down * side, col = tile % j->grid.across * side;
    const uint8_t *rows[6];
    size_t cols[6];
    for (size_t i = 0; i < side + s->kh - 1; i++) {
        rows[i] = x + (image * s->h + mg_min(row + i, s->h - 1)) * s->w * s->ldx;
        cols[i] = mg_min(col + i, s->w - 1) * s->ldx;
    }
    j->q->pairs->transforms[j->winograd].input(j->words, rows, cols, v, j->v_position);
}

/* m = v * u at every position. */
static void multiply(const struct job *j, size_t tiles, size_t vectors, const int32_t *v, const int32_t *u, uint32_t *m)
{
    const size_t pairs = 2 * j->words, width = vectors * j->k->lanes;
    for (size_t i = 0; i < j->grid.positions; i++, v += j->v_position, u += j->u_position, m += j->m_position)
        for (size_t tile = 0, height = 0; tile < tiles; tile += j->q->heights[height]) {
            while (j->q->heights[height] > tiles - tile)
                height++;
            j->q->pairs->tile[height][vectors - 1](pairs, v + tile * pairs, u, m + tile * width);
        }
}

/* The codes of a tile's outputs, of the panel whose first channel is `column`. */
static void write_tile(const struct job *j, const struct narrow_tile *t, size_t column, size_t width, const uint32_t *m,
                       const int32_t *header, uint8_t *y, size_t tile)
{
    const struct mg_conv *s = j->s;
    y += mg_corner(j->grid, j->grid.side, tile, s->out_h, s->out_w) * s->ldy + column;
    j->q->pairs->transforms[j->winograd].output(mg_min(width, s->cout - column), width, m, j->m_position, header, t, y, s->out_w * s->ldy,
                                                mg_rows_left(s, j->grid, tile), mg_cols_left(s, j->grid, tile));
}

/* Output channels of one panel, tiles [first, end), whose transform is v. own: of this thread, for U and M. */
static void make_panel(const struct job *j, size_t panel, const int32_t *panels, const int32_t *v, uint8_t *y, size_t first, size_t end,
                       int32_t *own)
{
    const struct mg_conv *s = j->s;
    const struct narrow_tile t = {.low = s->alpha, .high = s->beta, .ldy = s->ldy};
    const size_t column = panel * 2 * j->k->lanes, width = mg_panel_width(j->k, s->cout, panel);
    const int32_t *header = panels + (s->kh * s->kw * j->words + j->q->header) * column;
    uint32_t *m = (uint32_t *)(own + j->grid.positions * j->u_position);
    j->q->pairs->transforms[j->winograd].weights(j->words, width, header + j->q->header * width, own, j->u_position);
    for (size_t part; first < end; first += part, v += part * 2 * j->words) {
        part = mg_min(j->m_tiles, end - first);
        multiply(j, part, width / j->k->lanes, v, own, m);
        for (size_t tile = 0; tile < part; tile++)
            write_tile(j, &t, column, width, m + tile * width, header, y, first + tile);
    }
}

void mg_int8_conv2d_pairs(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, uint8_t *y, int32_t *scratch,
                          const struct mg_machine *machine)
{
    mg_check_conv(s);
    assert((s->kh == 3 || s->kh == 1) && s->kw == s->kh && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 &&
           s->dilation_w == 1);
    assert(s->groups <= 1 && s->cin % 4 == 0 && s->alpha >= 0 && s->beta <= 255);
    const struct job j = job_of(s, machine);
    const size_t n_panels = mg_panel_count(j.k, s->cout), threads = (size_t)machine->threads;
    int32_t *const v = scratch, *const of_threads = scratch + j.grid.positions * j.v_position;

    for (size_t first = 0; first < j.grid.tiles; first += j.chunk) {
        const size_t n = mg_min(j.chunk, j.grid.tiles - first), work = n * j.grid.positions * s->cin;
        const size_t parts = mg_max(mg_min(mg_ceil_div(2 * threads, n_panels), n / TILES_IN_PART), 1);
        PARALLEL_FOR(i, n, work, machine) {
            transform_pixels(&j, x, first + i, v + i * 2 * j.words);
        }
        PARALLEL_FOR(task, n_panels * parts, work * s->cout / MULTIPLY_ADDS, machine) {
            const size_t part = task % parts, from = n * part / parts, to = n * (part + 1) / parts;
            make_panel(&j, task / parts, panels, v + from * 2 * j.words, y, first + from, first + to,
                       of_threads + (size_t)MG_THREAD() * own_words(&j));
        }
    }
}
