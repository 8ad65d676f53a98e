/* Convolution of bytes: the driver of int8_tile.inc, like conv_direct.c, and the packing of its weights. */
#include <string.h>
#include "conv.h"
#include "int8_kernels.h"
#include "parallel.h"

enum {
    HEADER_LINES = 3, /* of a panel: the bias, what signed dot products add to it, the factors */
    TILES_IN_TASK = 8,
    TASKS_PER_THREAD = 8,
    BYTES_PER_FLOAT = 4, /* products of bytes take at least a quarter of the time of products of floats where VNNI is */
};

/* Lines of weights of a window, each for a word of 4 bytes. */
static size_t lines_of(const struct mg_runs *r)
{
    return r->rows * r->in_row * mg_ceil_div(r->length, 4);
}

/* Words of a panel of `width` output channels. */
static size_t panel_size(const struct mg_runs *r, size_t width)
{
    return (lines_of(r) + HEADER_LINES) * width;
}

size_t mg_int8_panels_size(const struct mg_conv *s, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_runs_of(s);
    return panel_size(&r, mg_ceil_div(s->cout, k->lanes) * k->lanes);
}

/* The weights of one output channel, `width` words apart; returns their sum. w: its weight of the window's first byte. */
static int32_t pack_column(const struct mg_runs *r, size_t cout, const int8_t *w, uint8_t *line, size_t width)
{
    int32_t sum = 0;
    for (size_t run = 0; run < r->rows * r->in_row; run++)
        for (size_t i = 0; i < mg_ceil_div(r->length, 4) * 4; i++) {
            const int inside = i < r->length;
            line[i / 4 * 4 * width + i % 4 + run * mg_ceil_div(r->length, 4) * 4 * width] = inside ? (uint8_t)*w : 0;
            sum += inside ? *w : 0;
            w += inside ? cout : 0;
        }
    return sum;
}

void mg_int8_pack(const struct mg_conv *s, const int8_t *w, const int32_t *bias, const float *factors, int32_t *panels,
                  const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_runs_of(s);
    const size_t columns = 2 * k->lanes;

    PARALLEL_FOR(p, mg_panel_count(k, s->cout), r.rows * r.in_row * r.length * s->cout, machine) {
        const size_t width = mg_panel_width(k, s->cout, p), n = mg_min(width, s->cout - p * columns);
        int32_t *panel = panels + panel_size(&r, columns) * p;
        memset(panel, 0, panel_size(&r, width) * sizeof *panel);
        memcpy(panel, bias + p * columns, n * sizeof *panel);
        memcpy(panel + 2 * width, factors + p * columns, n * sizeof *panel);
        for (size_t j = 0; j < n; j++)
            panel[width + j] = 128 * pack_column(&r, s->cout, w + p * columns + j, (uint8_t *)(panel + HEADER_LINES * width + j), width);
    }
}

/* Output pixels [first, end) x panels [panel, panel_end). y: the first channel of the first pixel. */
static void int8_task(const struct mg_conv *s, const struct mg_machine *machine, const struct int8_tile *t, const uint8_t *x,
                      const int32_t *panels, char *y, size_t first, size_t end, size_t panel, size_t panel_end)
{
    const struct kernels *k = mg_kernels(machine);
    const struct int8_kernels *q = mg_int8_kernels(machine);
    const size_t columns = 2 * k->lanes, size = t->to_float ? sizeof(float) : 1;
    const uint8_t *windows[TILES_IN_TASK * MAX_HEIGHT];
    for (size_t i = 0; i < TILES_IN_TASK * q->heights[0]; i++)
        windows[i] = x + mg_window_at(s, mg_min(first + i, end - 1));
    for (; panel < panel_end; panel++) {
        const size_t width = mg_panel_width(k, s->cout, panel), n_cols = mg_min(width, s->cout - panel * columns);
        for (size_t pixel = first; pixel < end; pixel += q->heights[0]) {
            const size_t n_rows = mg_min(q->heights[0], end - pixel);
            q->tile[mg_height_for(q->heights, n_rows)][width / k->lanes - 1](t, windows + (pixel - first),
                                                                             panels + panel_size(&t->runs, columns) * panel,
                                                                             y + (pixel * s->ldy + panel * columns) * size, n_rows, n_cols);
        }
    }
}

static void int8_conv2d(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, int to_float, char *y,
                        const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    const struct mg_runs r = mg_runs_of(s);
    const struct int8_tile t = {r, r.length / 4, r.length % 4, s->alpha, s->beta, s->ldy, to_float};
    const size_t groups = mg_max(s->groups, 1), terms = r.rows * r.in_row * r.length, panels_size = mg_int8_panels_size(s, machine);
    const size_t pixels = s->n * s->out_h * s->out_w, work = groups * pixels * terms * s->cout / (MULTIPLY_ADDS * BYTES_PER_FLOAT);
    const size_t n_panels = mg_panel_count(k, s->cout), wanted = TASKS_PER_THREAD * (size_t)mg_threads_for(work, machine);
    const size_t pixels_in_task = TILES_IN_TASK * mg_int8_kernels(machine)->heights[0],
                 blocks = mg_ceil_div(pixels, pixels_in_task) * groups;
    const size_t parts = mg_min(n_panels, mg_ceil_div(wanted, blocks ? blocks : 1));

    PARALLEL_FOR(task, blocks * parts, work, machine) {
        const size_t part = task % parts, group = task / parts % groups, first = task / parts / groups * pixels_in_task;
        int8_task(s, machine, &t, x + group * s->cin, panels + group * panels_size, y + group * s->cout * (to_float ? sizeof(float) : 1),
                  first, mg_min(first + pixels_in_task, pixels), n_panels * part / parts, n_panels * (part + 1) / parts);
    }
}

void mg_int8_conv2d(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, uint8_t *y, const struct mg_machine *machine)
{
    assert(s->alpha >= 0 && s->beta <= 255);
    int8_conv2d(s, x, panels, 0, (char *)y, machine);
}

void mg_int8_conv2d_float(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, float *y, const struct mg_machine *machine)
{
    int8_conv2d(s, x, panels, 1, (char *)y, machine);
}

double mg_int8_peak(size_t rounds, const struct mg_machine *machine)
{
    const struct int8_kernels *k = mg_int8_kernels(machine);
    const size_t n = (size_t)machine->threads;

    PARALLEL_FOR(i, n, SERIAL_WORK, machine) {
        int32_t sink = (int32_t)i;
        k->peak(rounds, &sink);
    }
    return (double)n * (double)rounds * k->peak_operations;
}

int mg_int8_has_dot(const struct mg_machine *machine)
{
    return mg_int8_kernels(machine)->has_dot;
}
