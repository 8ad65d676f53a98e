/* Convolution with unstructured sparse weights (CSR), without im2col, over the panel of sparse_panel.h.
 *
 * A tile has the sums of one output channel for up to 6 vectors of pixels in registers and goes through the weights of that channel once.
 * The sums of 16 channels are then transposed back to NHWC, with bias and ReLU.
 */
#include "parallel.h"
#include "sparse_panel.h"

enum {
    CHANNELS = 16,        /* output channels whose sums are transposed together */
    TASKS_PER_THREAD = 4, /* so that a fast core can take work from a slow one */
};

/* Part of the work: positions [first, first + n), output channels [channel, end). */
struct task {
    size_t first, n, channel, end;
};

struct weights {
    const int32_t *starts, *offsets;
    const float *values, *bias;
};

static void sparse_task(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const struct weights *w,
                        struct task t, const float *x, float *y, float *panel)
{
    float *pixels[MAX_POSITIONS], sums[CHANNELS * SPARSE_VECTORS * MAX_LANES];
    mg_outputs_at(s, l, y, t.first, t.n, pixels);
    mg_pack_panel(s, k, l, x, t.first, t.n, panel);

    const size_t vectors = t.n / k->lanes, tiles = mg_ceil_div(vectors, SPARSE_VECTORS);
    for (size_t i = 0, at = 0; i < tiles; i++) {
        const size_t n_vectors = (vectors + i) / tiles, width = n_vectors * k->lanes; /* as even as can be: they add up to `vectors` */
        for (size_t channel = t.channel; channel < t.end; channel += CHANNELS) {
            const size_t channels = mg_min(CHANNELS, t.end - channel);
            k->sparse_tile[n_vectors - 1](channels, w->starts + channel, w->offsets, w->values, panel + at, sums);
            k->store_pixels(channels, width, sums, w->bias ? w->bias + channel : NULL, s->relu, pixels + at, channel);
        }
        at += width;
    }
}

size_t mg_sparse_conv2d_scratch(const struct mg_sparse_conv *s, const struct mg_machine *machine)
{
    return (size_t)machine->threads * mg_sparse_panel(s);
}

void mg_sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                      const float *bias, float *y, float *scratch, const struct mg_machine *machine)
{
    mg_check_sparse(s);
    assert(s->block == 1);
    const struct kernels *k = mg_kernels(machine);
    const struct mg_line l = mg_line_of(s);
    const struct weights w = {starts, offsets, values, bias};
    const size_t work = l.positions * ((size_t)starts[s->cout] / MULTIPLY_ADDS + s->cin + s->cout),
                 threads = (size_t)mg_threads_for(work, machine);

    /* Blocks of positions for every thread, but none narrower than a tile. If that makes too few, output channels are split too, and
       each block is packed more than once. */
    const size_t even = mg_part(l.positions, threads > 1 ? TASKS_PER_THREAD * threads : 1, k->lanes);
    const size_t block = mg_min(l.block, mg_max(even, SPARSE_VECTORS * k->lanes)), blocks = mg_ceil_div(l.positions, block);
    const size_t channels = blocks < threads ? mg_part(s->cout, mg_ceil_div(threads, mg_max(blocks, 1)), CHANNELS) : s->cout;
    const size_t groups = mg_ceil_div(s->cout, channels);

    PARALLEL_FOR(i, blocks * groups, work, machine) {
        const size_t first = i / groups * block, channel = i % groups * channels;
        const size_t n = mg_part(mg_min(block, l.positions - first), 1, k->lanes), end = mg_min(channel + channels, s->cout);
        sparse_task(s, k, &l, &w, (struct task){first, n, channel, end}, x, y, scratch + (size_t)MG_THREAD() * l.panel);
    }
}
