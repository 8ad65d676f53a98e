/* Convolution of values of one or two bytes: the driver of int8_tile.inc and bf16_tile.inc, like conv_direct.c, and the packing of weights. */
#include <string.h>
#include "conv.h"
#include "narrow_kernels.h"
#include "parallel.h"

enum {
    TILES_IN_TASK = 8,
    TASKS_PER_THREAD = 8,
    WORD = 4, /* bytes of a word: products of it take at least the time of one product of floats */
};

/* With a number of channels that fills no word each pixel is a run, so that pairs of channels are the same whatever lies beside them. */
struct mg_runs mg_narrow_runs(const struct narrow_kernels *q, const struct mg_conv *s)
{
    struct mg_runs r = mg_runs_of(s);
    if (q->bytes == 2 && s->cin % 2 && s->kw > 1)
        r = (struct mg_runs){s->kh, s->kw, s->cin, r.row_step, s->dilation_w * s->ldx};
    return (struct mg_runs){r.rows, r.in_row, r.length * q->bytes, r.row_step * q->bytes, r.step * q->bytes};
}

/* Words of a panel of `width` output channels: for each word of a window one of each channel, after the header. */
static size_t panel_size(const struct narrow_kernels *q, const struct mg_runs *r, size_t width)
{
    return (r->rows * r->in_row * mg_ceil_div(r->length, WORD) + q->header) * width;
}

size_t mg_narrow_panels_size(const struct narrow_kernels *q, const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_narrow_runs(q, s);
    return panel_size(q, &r, mg_round_up(s->cout, k->lanes));
}

/* The weights of one output channel, `width` words apart. w: its weight of the window's first value; step: bytes to the next. */
static void pack_column(const struct mg_runs *r, size_t bytes, size_t step, const uint8_t *w, uint8_t *line, size_t width)
{
    for (size_t run = 0; run < r->rows * r->in_row; run++)
        for (size_t word = 0; word < r->length; word += WORD, line += width * WORD)
            for (size_t i = 0; i < WORD && word + i < r->length; i += bytes, w += step)
                memcpy(line + i, w, bytes);
}

void mg_narrow_pack(const struct narrow_kernels *q, const struct mg_conv *s, const void *w,
                    void (*header)(const void *of, int32_t *panel, size_t width, size_t first, size_t n), const void *of, int32_t *panels,
                    const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_narrow_runs(q, s);
    const size_t columns = 2 * k->lanes;

    PARALLEL_FOR(p, mg_panel_count(k, s->cout), s->kh * s->kw * s->cin * s->cout, machine) {
        const size_t width = mg_panel_width(k, s->cout, p), n = mg_min(width, s->cout - p * columns);
        int32_t *panel = panels + panel_size(q, &r, columns) * p;
        memset(panel, 0, panel_size(q, &r, width) * sizeof *panel);
        header(of, panel, width, p * columns, n);
        for (size_t j = 0; j < n; j++)
            pack_column(&r, q->bytes, s->cout * q->bytes, (const uint8_t *)w + (p * columns + j) * q->bytes,
                        (uint8_t *)(panel + q->header * width + j), width);
    }
}

/* windows[i] = where the window under output pixel first + i begins, `n` of them; from `end` on they repeat the last, whose outputs are not
   written. A division for each row, not for each pixel: those took up to a tenth of the time of 1x1 windows. */
static void windows_of(const struct mg_conv *s, size_t bytes, const uint8_t *x, size_t first, size_t end, size_t n, const uint8_t **windows)
{
    const size_t step = s->stride_w * s->ldx * bytes;
    const uint8_t *at = x + mg_window_at(s, first) * bytes;
    for (size_t i = 0, ox = first % s->out_w; i < n; i++) {
        windows[i] = at;
        if (first + i + 1 >= end)
            continue;
        const int inside = ++ox < s->out_w;
        at = inside ? at + step : x + mg_window_at(s, first + i + 1) * bytes;
        ox = inside ? ox : 0;
    }
}

/* Output pixels [first, end) x panels [panel, panel_end). y: the first channel of the first pixel. */
static void narrow_task(const struct narrow_kernels *q, const struct mg_conv *s, const struct mg_machine *machine,
                        const struct narrow_tile *t, const uint8_t *x, const int32_t *panels, char *y, size_t first, size_t end,
                        size_t panel, size_t panel_end)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t columns = 2 * k->lanes, size = t->to_float ? sizeof(float) : q->bytes;
    const uint8_t *windows[TILES_IN_TASK * MAX_HEIGHT];
    windows_of(s, q->bytes, x, first, end, TILES_IN_TASK * q->heights[0], windows);
    for (; panel < panel_end; panel++) {
        const size_t width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - panel * columns);
        for (size_t pixel = first; pixel < end; pixel += q->heights[0]) {
            const size_t n_rows = mg_min(q->heights[0], end - pixel);
            q->tile[mg_height_for(q->heights, n_rows)][width / k->lanes - 1](t, windows + (pixel - first),
                                                                             panels + panel_size(q, &t->runs, columns) * panel,
                                                                             y + (pixel * s->ldy + panel * columns) * size, n_rows, n_cols);
        }
    }
}

void mg_narrow_conv2d(const struct narrow_kernels *q, const struct mg_conv *s, const void *x, const int32_t *panels, int to_float, void *y,
                      const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_narrow_runs(q, s);
    const struct narrow_tile t = {r, r.length / WORD, r.length % WORD, s->alpha, s->beta, s->ldy, to_float};
    const size_t groups = mg_max(s->groups, 1), panels_size = mg_narrow_panels_size(q, s, machine),
                 size = to_float ? sizeof(float) : q->bytes;
    const size_t pixels = s->n * s->out_h * s->out_w;
    const size_t work = groups * pixels * r.rows * r.in_row * r.length * s->cout / (MULTIPLY_ADDS * WORD);
    const size_t n_panels = mg_panel_count(k, s->cout), wanted = TASKS_PER_THREAD * (size_t)mg_threads_for(work, machine);
    const size_t pixels_in_task = TILES_IN_TASK * q->heights[0], blocks = mg_ceil_div(pixels, pixels_in_task) * groups;
    const size_t parts = mg_min(n_panels, mg_ceil_div(wanted, blocks ? blocks : 1));

    PARALLEL_FOR(task, blocks * parts, work, machine) {
        const size_t part = task % parts, group = task / parts % groups, first = task / parts / groups * pixels_in_task;
        narrow_task(q, s, machine, &t, (const uint8_t *)x + group * s->cin * q->bytes, panels + group * panels_size,
                    (char *)y + group * s->cout * size, first, mg_min(first + pixels_in_task, pixels), n_panels * part / parts,
                    n_panels * (part + 1) / parts);
    }
}

double mg_narrow_peak(const struct narrow_kernels *q, size_t rounds, const struct mg_machine *machine)
{
    const size_t n = (size_t)machine->threads;

    PARALLEL_FOR(i, n, SERIAL_WORK, machine) {
        int32_t sink = (int32_t)i;
        q->peak(rounds, &sink);
    }
    return (double)n * (double)rounds * q->peak_operations;
}
