/* The weight gradient of a convolution: dw[position, j] = sum over output pixels of window[position] * dy[j], which is the tile of
 * conv_direct.c with the roles of pixels and window positions exchanged. The order of a sum depends on the shape alone, never on the
 * number of threads: pixels are taken in blocks; small gradients (most pixels, fewest weights) are summed in up to MAX_PARTS parts of
 * the images, each part by one thread while its pixels and its sums are in cache; for large gradients each thread has its own panel and
 * positions.
 */
#include <string.h>
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

enum {
    MAX_PARTS = 8,                  /* of the images, for gradients of at most ... */
    MAX_WEIGHTS_IN_PARTS = 1 << 18, /* ... this many weights */
    ADD_CHUNK = 1 << 12,
};

/* A block of pixels: whole images while they are small, else whole rows of one image, or parts of one row. */
static struct weight_tile block_of(const struct mg_conv *s)
{
    const size_t image = s->out_h * s->out_w;
    struct weight_tile b = {.pixels = mg_min(s->out_w, TERMS_IN_SUM),
                            .x_image = s->h * s->w * s->ldx,
                            .x_row = s->stride_h * s->w * s->ldx,
                            .x_col = s->stride_w * s->ldx,
                            .lddw = s->cout};
    b.images = image <= TERMS_IN_SUM / 2 ? TERMS_IN_SUM / image : 1;
    b.rows = b.images > 1 ? s->out_h : mg_min(s->out_h, TERMS_IN_SUM / b.pixels);
    return b;
}

/* The number of parts that the images are split into. */
static size_t parts_of(const struct mg_conv *s)
{
    const size_t weights = s->kh * s->kw * s->cin * s->cout;
    return weights <= MAX_WEIGHTS_IN_PARTS && s->n > 1 ? mg_min(MAX_PARTS, s->n) : 1;
}

static size_t packed_size(const struct mg_conv *s, const struct kernels *k)
{
    const struct weight_tile b = block_of(s);
    return b.images * b.rows * b.pixels * 2 * k->lanes;
}

size_t mg_conv2d_weight_scratch(const struct mg_conv *s, const struct mg_machine *machine)
{
    return (size_t)machine->threads * packed_size(s, mg_kernels(machine)) + (parts_of(s) - 1) * s->kh * s->kw * s->cin * s->cout;
}

/* The positions of a window, run by run, in tiles of `rows`. */
struct positions {
    int height; /* the tallest tile that is not longer than a run */
    size_t rows, tiles_in_run, tiles;
    struct mg_runs runs;
};

static struct positions positions_of(const struct mg_conv *s, const struct kernels *k)
{
    struct positions p = {.runs = mg_runs_of(s)};
    while (k->heights[p.height] > p.runs.length)
        p.height++;
    p.rows = k->heights[p.height];
    p.tiles_in_run = mg_ceil_div(p.runs.length, p.rows);
    p.tiles = p.runs.rows * p.runs.in_row * p.tiles_in_run;
    return p;
}

/* Part of the work: images [image, image_end) x tiles of positions [tile, tile_end) x panels [panel, panel_end), added to dw. */
struct weight_task {
    size_t image, image_end, tile, tile_end, panel, panel_end;
    float *dw, *packed;
};

/* One packed block of pixels and one panel. x, dw: at the block and the panel. */
static void weight_block(const struct kernels *k, const struct positions *p, const struct weight_tile *t, const struct weight_task *task,
                         const float *x, size_t width, size_t n_cols, float *dw)
{
    for (size_t tile = task->tile; tile < task->tile_end; tile++) {
        const size_t run = tile / p->tiles_in_run, at = tile % p->tiles_in_run * p->rows, length = p->runs.length;
        const int height = mg_rest_height(k, p->height, length - at);
        const size_t back = at + k->heights[height] > length ? at + k->heights[height] - length : 0; /* rather than read past the run */
        k->weight_tile[height][width / k->lanes - 1](t, x + mg_run_at(&p->runs, run) + at - back, task->packed,
                                                     dw + (run * length + at - back) * t->lddw, back, n_cols);
    }
}

/* One block of pixels, from output pixel number `first` on, and all panels of the task. */
static void weight_panels(const struct mg_conv *s, const struct kernels *k, const struct positions *p, const struct weight_tile *t,
                          const struct weight_task *task, const float *x, const float *dy, size_t first)
{
    for (size_t panel = task->panel; panel < task->panel_end; panel++) {
        const size_t column = panel * 2 * k->lanes, width = mg_panel_width(k, s->cout, panel);
        const size_t n_cols = mg_min(width, s->cout - column);
        k->pack_panel(t->images * t->rows * t->pixels, n_cols, width, dy + first * s->ldy + column, s->ldy, task->packed);
        weight_block(k, p, t, task, x + mg_window_at(s, first), width, n_cols, task->dw + column);
    }
}

/* The positions and panels of a task that a block of pixels reads, for windows of one run. */
static void fetch_block(const struct mg_conv *s, const struct weight_tile *t, const struct weight_task *task, const struct positions *p,
                        const float *x, const float *dy, size_t first)
{
    const size_t at = task->tile * p->rows, n = mg_min(task->tile_end * p->rows, p->runs.length) - at;
    const float *block = x + mg_window_at(s, first) + at;
    if (task->panel_end - task->panel > 1)
        mg_fetch(dy + first * s->ldy, t->images * t->rows * t->pixels, s->cout, s->ldy);
    for (size_t image = 0; image < t->images; image++)
        for (size_t row = 0; row < t->rows; row++)
            mg_fetch(block + image * t->x_image + row * t->x_row, t->pixels, n, t->x_col);
}

static void weight_task(const struct mg_conv *s, const struct kernels *k, const struct positions *p, const float *x, const float *dy,
                        const struct weight_task *task)
{
    const struct weight_tile block = block_of(s);
    for (size_t image = task->image; image < task->image_end; image += block.images)
        for (size_t oy = 0; oy < s->out_h; oy += block.rows)
            for (size_t ox = 0; ox < s->out_w; ox += block.pixels) {
                struct weight_tile t = block;
                t.images = mg_min(block.images, task->image_end - image);
                t.rows = mg_min(block.rows, s->out_h - oy);
                t.pixels = mg_min(block.pixels, s->out_w - ox);
                if (p->runs.rows * p->runs.in_row == 1)
                    fetch_block(s, &t, task, p, x, dy, (image * s->out_h + oy) * s->out_w + ox);
                weight_panels(s, k, p, &t, task, x, dy, (image * s->out_h + oy) * s->out_w + ox);
            }
}

/* dw += each of the parts, `size` floats apart. */
static void add_parts(const struct kernels *k, size_t parts, size_t size, const float *part, float *dw, const struct mg_machine *machine)
{
    PARALLEL_FOR(chunk, mg_ceil_div(size, ADD_CHUNK), parts * size, machine)
        for (size_t i = 0; i < parts; i++) {
            const size_t at = chunk * ADD_CHUNK;
            k->accumulate(mg_min(ADD_CHUNK, size - at), part + i * size + at, dw + at);
        }
}

void mg_conv2d_weight_direct(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                             const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    const struct positions p = positions_of(s, k);
    const size_t weights = s->kh * s->kw * s->cin * s->cout, work = s->n * s->out_h * s->out_w * weights / MULTIPLY_ADDS,
                 parts = parts_of(s);
    float *const part = scratch + (size_t)machine->threads * packed_size(s, k);
    memset(dw, 0, weights * sizeof *dw);
    memset(part, 0, (parts - 1) * weights * sizeof *dw);

    /* With one part, the tasks are ranges of the positions of one panel. With several, each part is one task. */
    const size_t panels = mg_panel_count(k, s->cout), wanted = 2 * (size_t)mg_threads_for(work, machine);
    const size_t tiles_in_range = mg_ceil_div(p.tiles, parts > 1 ? 1 : mg_min(p.tiles, mg_ceil_div(wanted, panels)));
    const size_t ranges = mg_ceil_div(p.tiles, tiles_in_range), tasks = parts > 1 ? parts : panels * ranges;
    PARALLEL_FOR(i, tasks, work, machine) {
        struct weight_task task = {.image_end = s->n,
                                   .tile_end = p.tiles,
                                   .panel_end = panels,
                                   .dw = dw,
                                   .packed = scratch + (size_t)MG_THREAD() * packed_size(s, k)};
        if (parts > 1) {
            task.image = i * s->n / parts, task.image_end = (i + 1) * s->n / parts;
            task.dw = i ? part + (i - 1) * weights : dw;
        } else {
            task.tile = i % ranges * tiles_in_range, task.tile_end = mg_min(task.tile + tiles_in_range, p.tiles);
            task.panel = i / ranges, task.panel_end = task.panel + 1;
        }
        weight_task(s, k, &p, x, dy, &task);
    }
    add_parts(k, parts - 1, weights, part, dw, machine);
}
