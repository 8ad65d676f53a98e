/* bf16 in training: packing of float32 weights, padding, and the gradients of convolution's input, ReLU and max pooling. */
#include <assert.h>
#include <string.h>
#include "conv.h"
#include "narrow_kernels.h"
#include "parallel.h"
#include "pool.h"

enum {
    VALUES = 2,        /* in a word */
    TILES_IN_TASK = 8, /* of mg_bf16_conv2d_add */
    WINDOWS = 16,      /* of a pool, along an axis over one pixel: the largest window */
};

/* A window as runs of values. */
static struct mg_runs value_runs(const struct mg_conv *s, const struct mg_machine *machine)
{
    struct mg_runs r = mg_narrow_runs(mg_bf16_kernels(machine), s);
    return (struct mg_runs){r.rows, r.in_row, r.length / 2, r.row_step / 2, r.step / 2};
}

/* Lines of words of a panel, the bias included. */
static size_t lines_of(const struct mg_runs *r)
{
    return 1 + r->rows * r->in_row * mg_ceil_div(r->length, VALUES);
}

void mg_bf16_pack_float(const struct mg_conv *s, const float *w, const float *bias, int32_t *panels, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = value_runs(s, machine);

    PARALLEL_FOR(p, mg_panel_count(k, s->cout), s->kh * s->kw * s->cin * s->cout, machine) {
        const size_t column = p * 2 * k->lanes, width = mg_panel_width(k, s->cout, p), n = mg_min(width, s->cout - column);
        const float *row = w + column;
        int32_t *line = panels + column * lines_of(&r);
        memset(line, 0, width * sizeof *line);
        if (bias)
            memcpy(line, bias + column, n * sizeof *line);
        line += width;
        for (size_t run = 0; run < r.rows * r.in_row; run++)
            for (size_t i = 0; i < r.length; i += VALUES, line += width) {
                const int is_pair = i + 1 < r.length;
                k->half_rows->pair_float_rows(n, row, is_pair ? row + s->cout : NULL, line);
                memset(line + n, 0, (width - n) * sizeof *line);
                row += (is_pair ? VALUES : 1) * s->cout;
            }
    }
}

/* Output pixels [first, end): products to `sums`, which then are added to y. */
static void add_task(const struct mg_conv *s, const struct mg_machine *machine, const struct narrow_tile *t, const uint16_t *x,
                     const int32_t *panels, size_t panel_lines, float *y, size_t first, size_t end)
{
    const struct kernels *k = mg_kernels(machine);
    const struct narrow_kernels *q = mg_bf16_kernels(machine);
    const uint8_t *windows[TILES_IN_TASK * MAX_HEIGHT];
    float sums[MAX_HEIGHT * 2 * MAX_LANES];
    for (size_t i = 0; i < TILES_IN_TASK * q->heights[0]; i++)
        windows[i] = (const uint8_t *)(x + mg_window_at(s, mg_min(first + i, end - 1)));
    for (size_t panel = 0; panel < mg_panel_count(k, s->cout); panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - column);
        for (size_t pixel = first; pixel < end; pixel += q->heights[0]) {
            const size_t n_rows = mg_min(q->heights[0], end - pixel);
            q->tile[mg_height_for(q->heights, n_rows)][width / k->lanes - 1](t, windows + (pixel - first), panels + column * panel_lines,
                                                                             sums, n_rows, n_cols);
            for (size_t i = 0; i < n_rows; i++)
                k->accumulate(n_cols, sums + i * t->ldy, y + (pixel + i) * s->ldy + column);
        }
    }
}

void mg_bf16_conv2d_add(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, float *y, const struct mg_machine *machine)
{
    mg_check_conv(s);
    assert(s->groups <= 1);
    const struct mg_runs r = mg_narrow_runs(mg_bf16_kernels(machine), s), values = value_runs(s, machine);
    const struct narrow_tile t = {r, r.length / 4, r.length % 4, s->alpha, s->beta, 2 * mg_kernels(machine)->lanes, 1};
    const size_t pixels = s->n * s->out_h * s->out_w, in_task = TILES_IN_TASK * mg_bf16_kernels(machine)->heights[0];
    const size_t work = pixels * s->kh * s->kw * s->cin * s->cout / (2 * MULTIPLY_ADDS);

    PARALLEL_FOR(task, mg_ceil_div(pixels, in_task), work, machine)
        add_task(s, machine, &t, x, panels, lines_of(&values), y, task * in_task, mg_min((task + 1) * in_task, pixels));
}

/* Where row number `row` of the canvas comes from: the number of a row of x, or -1 for zeros. */
static ptrdiff_t row_of(const struct mg_place *s, size_t row)
{
    const ptrdiff_t down = (ptrdiff_t)(row % s->out_h) - s->top, step = (ptrdiff_t)s->step_h;
    return down >= 0 && down % step == 0 && down / step < (ptrdiff_t)s->h ? (ptrdiff_t)(row / s->out_h * s->h) + down / step : -1;
}

/* The columns of x that are on the canvas. */
static struct mg_span columns_of(const struct mg_place *s)
{
    const size_t before = s->left < 0 ? mg_ceil_div((size_t)-s->left, s->step_w) : 0;
    const ptrdiff_t room = (ptrdiff_t)s->out_w - s->left;
    return (struct mg_span){before, room > 0 ? mg_min(s->w, mg_ceil_div((size_t)room, s->step_w)) : 0};
}

void mg_bf16_place(const struct mg_place *s, const uint16_t *x, uint16_t *y, const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->step_h > 0 && s->step_w > 0);
    const struct mg_span in = columns_of(s);
    const int together = s->step_w == 1 && s->ldx == s->c;

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c / VALUES, machine) {
        const ptrdiff_t from = row_of(s, row);
        uint16_t *to = y + row * s->out_w * s->c;
        memset(to, 0, s->out_w * s->c * sizeof *to);
        for (size_t j = in.first; from >= 0 && j < in.end; j += together ? in.end : 1)
            memcpy(to + (size_t)(s->left + (ptrdiff_t)(j * s->step_w)) * s->c, x + ((size_t)from * s->w + j) * s->ldx,
                   (together ? in.end - in.first : 1) * s->c * sizeof *to);
    }
}

void mg_bf16_place_float(const struct mg_place *s, const uint16_t *x, float *y, const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->step_h > 0 && s->step_w > 0);
    const struct half_rows *k = mg_kernels(machine)->half_rows;
    const struct mg_span in = columns_of(s);
    const int together = s->step_w == 1 && s->ldx == s->c;

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c, machine) {
        const ptrdiff_t from = row_of(s, row);
        float *to = y + row * s->out_w * s->c;
        memset(to, 0, s->out_w * s->c * sizeof *to);
        for (size_t j = in.first; from >= 0 && j < in.end; j += together ? in.end : 1)
            k->from_bf16((together ? in.end - in.first : 1) * s->c, x + ((size_t)from * s->w + j) * s->ldx,
                         to + (size_t)(s->left + (ptrdiff_t)(j * s->step_w)) * s->c);
    }
}

void mg_bf16_relu_sums(const struct mg_elementwise *s, const uint16_t *y, const float *dy, float *dz, uint16_t *halves, float *scratch,
                       float *sums, const struct mg_machine *machine)
{
    assert(s->lda >= s->c && s->ldb >= s->c && s->ldy >= s->c);
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(s->rows, TERMS_IN_SUM), c = s->c;

    memset(scratch, 0, blocks * c * sizeof *scratch);
    PARALLEL_FOR(block, blocks, 2 * s->rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM, rows = mg_min(TERMS_IN_SUM, s->rows - first);
        k->half_rows->relu_sums(rows, c, y + first * s->lda, s->lda, dy + first * s->ldb, s->ldb, dz ? dz + first * s->ldy : NULL,
                                halves ? halves + first * s->ldy : NULL, s->ldy, scratch + block * c);
    }
    memset(sums, 0, c * sizeof *sums);
    mg_add_pairwise(k, blocks, c, scratch, c);
    if (blocks)
        memcpy(sums, scratch, c * sizeof *sums);
}

void mg_bf16_max_pool2d_index(const struct mg_pool *s, const uint16_t *x, uint16_t *y, uint8_t *index, const struct mg_machine *machine)
{
    assert(s->kh * s->kw <= UINT8_MAX + 1);
    const struct half_rows *k = mg_kernels(machine)->half_rows;
    const size_t pixels = s->n * s->out_h * s->out_w;

    PARALLEL_FOR(pixel, pixels, pixels * s->c * s->kh * s->kw / 2, machine) {
        size_t first, count;
        const struct pool_window window = mg_window_of(s, pixel, &first, &count);
        k->max_index(&window, x + first, y + pixel * s->ldy, index + pixel * s->c);
    }
}

/* The windows along an axis that have a pixel, and the number of the pixel in each. */
struct over {
    size_t n, window[WINDOWS], tap[WINDOWS];
};

static struct over windows_over(const struct axis *a, size_t at)
{
    const struct mg_span span = mg_covering(at, (a->k - 1) * a->dilation + 1, a->stride, a->pad, a->out);
    struct over found = {0};
    for (size_t out = span.first; out < span.end; out++) {
        const size_t first = mg_covered_by(a, out).first;
        if (at >= first && (at - first) % a->dilation == 0)
            found.window[found.n] = out, found.tap[found.n++] = (at - first) / a->dilation;
    }
    return found;
}

/* The gradient of the pixel in column ix of an image. */
static void max_pixel(const struct mg_pool *s, const struct half_rows *k, const struct axis *cols, size_t image, const struct over *rows,
                      size_t ix, const uint8_t *index, const float *dy, float *dx)
{
    const struct over columns = windows_over(cols, ix);
    const uint8_t *indices[WINDOWS * WINDOWS];
    const float *gradients[WINDOWS * WINDOWS];
    int32_t taps[WINDOWS * WINDOWS];
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t j = 0; j < columns.n; j++, n++) {
            const size_t ox = columns.window[j], at = (image * s->out_h + rows->window[i]) * s->out_w + ox;
            taps[n] = (int32_t)(rows->tap[i] * mg_covered_by(cols, ox).count + columns.tap[j]);
            indices[n] = index + at * s->c, gradients[n] = dy + at * s->ldy;
        }
    k->max_backward(s->c, n, taps, indices, gradients, dx);
}

void mg_bf16_max_pool2d_backward(const struct mg_pool *s, const uint8_t *index, const float *dy, float *dx,
                                 const struct mg_machine *machine)
{
    assert(s->ldy >= s->c && s->kh <= WINDOWS && s->kw <= WINDOWS);
    const struct half_rows *k = mg_kernels(machine)->half_rows;
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);

    PARALLEL_FOR(row, s->n * s->h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw, machine) {
        const struct over above = windows_over(&rows, row % s->h);
        for (size_t ix = 0; ix < s->w; ix++)
            max_pixel(s, k, &cols, row / s->h, &above, ix, index, dy, dx + (row * s->w + ix) * s->c);
    }
}
