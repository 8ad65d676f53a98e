/* Convolution without im2col: an implicit matrix product whose left operand is read in place.
 *
 * In NHWC one row of a window, kw pixels of cin channels, is one run of kw * cin floats. So the window under an output pixel is
 * kh runs, each one image row below the last (kh * kw runs of cin floats where pixels are apart), and it is known by the address of its
 * first float. A tile takes the addresses of
 * 14 windows and 32 output channels (with AVX-512) and multiplies in place: only the padding needs a copy, once.
 * After the indirect convolution of Dukhan 2019 (arXiv 1907.02129), which keeps an address for each pixel of a window.
 */
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

enum {
    TILES_IN_TASK = 8,    /* about 48 pixels (with AVX2) share a panel while it is in cache; at most 3 / 2 as many */
    TASKS_PER_THREAD = 8, /* so that a fast core can take work from a slow one */
};

/* Whether a task prefetches the pixels of the next one instead of weights: where a window is one pixel of a large map, and a second-level cache
   keeps all weights, `panels` floats, and the pixels of both tasks, `pixels` each. */
static int fetches_pixels(const struct mg_conv *s, size_t pixels, size_t panels)
{
    const int one_pixel = s->kh * s->kw * s->stride_h * s->stride_w == 1;
    return one_pixel && s->n * s->h * s->w * s->ldx > IN_A_CACHE && mg_max(2 * pixels * s->ldx, 4 * panels) <= IN_A_CACHE;
}

/* Output pixels [first, end) x panels [panel, panel_end). */
static void direct_task(const struct mg_conv *s, const struct kernels *k, struct conv_tile t, const float *x, const float *panels, float *y,
                        size_t first, size_t end, size_t panel, size_t panel_end)
{
    const float *windows[TILES_IN_TASK * MAX_HEIGHT * 3 / 2];
    mg_windows_of(s, x, first, end, mg_round_up(end - first, k->heights[0]), windows);

    const float *residual = t.epilogue.residual;
    const size_t columns = 2 * k->lanes, terms = s->kh * s->kw * s->cin, lines = terms + 1;
    const size_t positions = mg_ceil_div(end - first, k->heights[0]) * terms, after = s->n * s->out_h * s->out_w - end;
    const float *panels_end = panels + mg_round_up(s->cout, k->lanes) * lines;
    const float *pixel = x + end * s->ldx, *x_end = pixel + after * s->ldx;
    const int next_pixels = fetches_pixels(s, end - first, panels_end - panels);
    const size_t share = mg_min(end - first, after) * s->ldx / (panel_end - panel); /* of those pixels, for each panel */
    for (; panel < panel_end; panel++, pixel += share) {
        const size_t width = mg_panel_width(k, s->cout, panel), column = panel * columns;
        const float *at = panels + column * lines, *next = at + width * lines;
        if (next_pixels)
            mg_look_ahead(&t, pixel, share, positions, x_end, at);
        else
            mg_look_ahead(&t, next, mg_min((size_t)(panels_end - next), width * lines), positions, panels_end, at);
        t.epilogue.residual = residual ? residual + first * s->ldr + column : NULL;
        mg_conv_tiles(k, &t, terms, width / k->lanes, windows, at, y + first * s->ldy + column, end - first,
                      mg_min(width, s->cout - column));
    }
}

void mg_conv2d_direct(const struct mg_conv *s, const float *x, const float *panels, const float *residual, float *y,
                      const struct mg_machine *machine)
{
    mg_check_conv(s);
    const struct kernels *k = mg_kernels(machine);
    const struct conv_tile t = {.runs = mg_runs_of(s), .ldy = s->ldy, .epilogue = mg_epilogue(s, residual)};
    const size_t groups = mg_max(s->groups, 1), terms = s->kh * s->kw * s->cin, panels_size = mg_panels_size(terms, s->cout, machine);
    const size_t pixels = s->n * s->out_h * s->out_w, work = groups * pixels * terms * s->cout / MULTIPLY_ADDS;
    const size_t n_panels = mg_panel_count(k, s->cout), threads = (size_t)mg_threads_for(work, machine);
    const size_t wanted = threads > 1 ? TASKS_PER_THREAD * threads : 1;

    /* With few pixels the output channels are split too, so that one small image keeps every core busy. */
    const size_t tiles = mg_ceil_div(pixels, k->heights[0]), near = (tiles + TILES_IN_TASK / 2) / TILES_IN_TASK;
    const size_t blocks = tiles ? mg_max(near, 1) : 0, parts = blocks ? mg_min(n_panels, mg_ceil_div(wanted, blocks * groups)) : 1;

    PARALLEL_FOR(task, blocks * groups * parts, work, machine) {
        const size_t part = task % parts, group = task / parts % groups, block = task / parts / groups;
        const size_t first = tiles * block / blocks * k->heights[0], end = mg_min(tiles * (block + 1) / blocks * k->heights[0], pixels);
        struct conv_tile of_group = t;
        of_group.epilogue.residual = residual ? residual + group * s->cout : NULL;
        direct_task(s, k, of_group, x + group * s->cin, panels + group * panels_size, y + group * s->cout, first, end,
                    n_panels * part / parts, n_panels * (part + 1) / parts);
    }
}
