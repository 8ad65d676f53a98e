/* The weight gradient of a convolution of bf16: dw[position, j] = sum over output pixels of window[position] * dy[j]. Products come in pairs,
 * here of neighbouring pixels of a row, so x and dy are first written as words of two pixels, block by block, each of which then stays in
 * the cache of the thread that sums it. Blocks are cut into MAX_PARTS parts of which each is one thread's; what a block is, and the order of every
 * sum, depends on the shape alone.
 */
#include <string.h>
#include "conv.h"
#include "narrow_kernels.h"
#include "parallel.h"

enum {
    MAX_PARTS = 8,          /* of gradients of at most ... */
    MANY_WEIGHTS = 1 << 18, /* ... so many weights; half as many of larger ones */
    ADD_CHUNK = 1 << 12,
};

/* The blocks of a map, and how the words of one lie. */
struct blocks {
    size_t images, rows, pixels; /* of output, in a full block */
    size_t across, down, n;      /* how many there are in a row, in an image, in all */
    size_t columns, in_rows;     /* of words: of a row of a full block, and rows of an image of it */
    size_t line;                 /* words of dy in a line of all panels */
    struct mg_runs runs;         /* of a window, in words */
};

static struct blocks blocks_of(const struct mg_conv *s, const struct kernels *k)
{
    const size_t image = s->out_h * s->out_w;
    struct blocks b = {.images = image && image <= TERMS_IN_SUM / 2 ? TERMS_IN_SUM / image : 1, .pixels = mg_min(s->out_w, TERMS_IN_SUM)};
    b.rows = b.images > 1 ? s->out_h : mg_max(mg_min(s->out_h, TERMS_IN_SUM / mg_max(b.pixels, 1)), 1);
    b.across = mg_ceil_div(s->out_w, mg_max(b.pixels, 1));
    b.down = mg_ceil_div(s->out_h, b.rows);
    b.n = mg_ceil_div(s->n, b.images) * b.down * b.across;
    b.columns = s->kw == 1 ? mg_ceil_div(b.pixels, 2) : (b.pixels - 1) * s->stride_w + (s->kw - 1) * s->dilation_w + 1;
    b.in_rows = (b.rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
    b.line = mg_round_up(s->cout, k->lanes);
    const int together = s->kw == 1 || s->dilation_w == 1;
    b.runs = (struct mg_runs){s->kh, together ? 1 : s->kw, together ? s->kw * s->cin : s->cin, s->dilation_h * b.columns * s->cin,
                              s->dilation_w * s->cin};
    return b;
}

static size_t x_words(const struct mg_conv *s, const struct blocks *b)
{
    return b->images * b->in_rows * b->columns * s->cin;
}

static size_t scratch_of_thread(const struct mg_conv *s, const struct blocks *b)
{
    return x_words(s, b) + b->images * b->rows * mg_ceil_div(b->pixels, 2) * b->line;
}

static size_t weights_of(const struct mg_conv *s)
{
    return s->kh * s->kw * s->cin * s->cout;
}

static size_t parts_of(const struct mg_conv *s, const struct blocks *b)
{
    return mg_max(mg_min(weights_of(s) <= MANY_WEIGHTS ? MAX_PARTS : MAX_PARTS / 2, b->n), 1);
}

size_t mg_bf16_conv2d_weight_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct blocks b = blocks_of(s, mg_kernels(machine));
    return (size_t)machine->threads * scratch_of_thread(s, &b) + (parts_of(s, &b) - 1) * weights_of(s);
}

/* Words of a row of x for the windows of n output pixels: of every second pixel where a window is one column, else of every pixel, since the
   pairs of two columns of the window begin at even and at odd ones. */
static void pair_columns(const struct mg_conv *s, const struct half_rows *k, const uint16_t *x, size_t n, int32_t *words)
{
    const size_t step = s->stride_w, every = s->kw == 1 ? 2 * step : 1;
    const size_t end = (n - 1) * step + (s->kw - 1) * s->dilation_w + 1, both = end > step ? end - step : 0;
    if (every == 1 && s->ldx == s->cin) {
        k->pair_rows(both * s->cin, x, x + step * s->cin, words);
        k->pair_rows((end - both) * s->cin, x + both * s->cin, NULL, words + both * s->cin);
        return;
    }
    for (size_t q = 0; q < end; q += every, words += s->cin)
        k->pair_rows(s->cin, x + q * s->ldx, q < both ? x + (q + step) * s->ldx : NULL, words);
}

/* Words of a row of dy of n pixels, from line number `first` on of the `lines` of each panel: a line for every pair. */
static void pair_gradients(const struct mg_conv *s, const struct kernels *k, const uint16_t *dy, size_t n, size_t lines, int32_t *words,
                           size_t first)
{
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), used = mg_min(width, s->cout - column);
        int32_t *line = words + column * lines + first * width;
        for (size_t p = 0; p < n; p += 2, line += width) {
            const uint16_t *pixel = dy + p * s->ldy + column;
            k->half_rows->pair_rows(used, pixel, p + 1 < n ? pixel + s->ldy : NULL, line);
            memset(line + used, 0, (width - used) * sizeof *line);
        }
    }
}

/* One block of words times all panels, added to dw. */
static void multiply(const struct mg_conv *s, const struct blocks *b, const struct mg_machine *machine, struct pairs_tile *t,
                     const int32_t *x, const int32_t *dy, float *dw)
{
    const struct kernels *k = mg_kernels(machine);
    const struct narrow_kernels *q = mg_bf16_kernels(machine);
    const size_t *heights = q->heights, length = b->runs.length;
    int tallest = 0;
    while (heights[tallest] > length)
        tallest++;
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - column);
        for (size_t run = 0; run < b->runs.rows * b->runs.in_row; run++)
            for (size_t at = 0; at < length; at += heights[tallest]) {
                int height = tallest;
                while (height + 1 < HEIGHTS && heights[height + 1] >= length - at)
                    height++;
                const size_t back = at + heights[height] > length ? at + heights[height] - length : 0; /* rather than read past the run */
                q->weight_tile[height][width / k->lanes - 1](t, x + mg_run_at(&b->runs, run) + at - back,
                                                             dy + column * t->images * t->rows * t->pairs,
                                                             dw + (run * length + at - back) * s->cout + column, back, n_cols);
            }
    }
}

/* Block number `block`: its words, then its products. */
static void weight_block(const struct mg_conv *s, const struct blocks *b, const struct mg_machine *machine, size_t block, const uint16_t *x,
                         const uint16_t *dy, int32_t *scratch, float *dw)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t ox = block % b->across * b->pixels, oy = block / b->across % b->down * b->rows,
                 image = block / b->across / b->down * b->images;
    const size_t images = mg_min(b->images, s->n - image), rows = mg_min(b->rows, s->out_h - oy), n = mg_min(b->pixels, s->out_w - ox);
    const size_t pairs = mg_ceil_div(n, 2), row = b->columns * s->cin, in_rows = (rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
    struct pairs_tile t = {images, rows, pairs, b->in_rows * row, s->stride_h * row, s->kw == 1 ? s->cin : 2 * s->stride_w * s->cin,
                           s->cout};
    int32_t *gradients = scratch + x_words(s, b);
    for (size_t i = 0; i < images; i++) {
        for (size_t r = 0; r < in_rows; r++)
            pair_columns(s, k->half_rows, x + (((image + i) * s->h + oy * s->stride_h + r) * s->w + ox * s->stride_w) * s->ldx, n,
                         scratch + (i * b->in_rows + r) * row);
        for (size_t r = 0; r < rows; r++)
            pair_gradients(s, k, dy + (((image + i) * s->out_h + oy + r) * s->out_w + ox) * s->ldy, n, images * rows * pairs, gradients,
                           (i * rows + r) * pairs);
    }
    multiply(s, b, machine, &t, scratch, gradients, dw);
}

void mg_bf16_conv2d_weight(const struct mg_conv *s, const uint16_t *x, const uint16_t *dy, float *dw, int32_t *scratch,
                           const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    const struct blocks b = blocks_of(s, k);
    const size_t weights = weights_of(s), parts = parts_of(s, &b), own = scratch_of_thread(s, &b);
    float *const part = (float *)(scratch + (size_t)machine->threads * own);
    memset(dw, 0, weights * sizeof *dw);
    memset(part, 0, (parts - 1) * weights * sizeof *dw);

    PARALLEL_FOR(i, parts, s->n * s->out_h * s->out_w * weights / MULTIPLY_ADDS, machine)
        for (size_t block = i * b.n / parts; block < (i + 1) * b.n / parts; block++)
            weight_block(s, &b, machine, block, x, dy, scratch + (size_t)MG_THREAD() * own, i ? part + (i - 1) * weights : dw);
    PARALLEL_FOR(chunk, mg_ceil_div(weights, ADD_CHUNK), parts * weights, machine)
        for (size_t i = 0; i + 1 < parts; i++) {
            const size_t at = chunk * ADD_CHUNK;
            k->accumulate(mg_min(ADD_CHUNK, weights - at), part + i * weights + at, dw + at);
        }
}
