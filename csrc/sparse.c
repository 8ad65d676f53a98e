/* Convolution with unstructured sparse weights (CSR), or 4 output channels that share their columns, without im2col, over the panel of sparse_panel.h.
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

/* Part of the work: positions [first, end), output channels [channel, channel_end). */
struct task {
    size_t first, end, channel, channel_end;
};

struct weights {
    size_t share;       /* output channels that have the same columns */
    size_t parts, rows; /* each part of the channels has `rows` rows */
    const int32_t *starts, *offsets;
    const float *values, *bias;
};

/* Where the outputs of a block's positions are, and what is added to them (NULL: nothing). */
struct outputs {
    float *pixels[MAX_POSITIONS], *residuals[MAX_POSITIONS];
    struct epilogue epilogue;
};

/* Prefetches what a tile will write: the cache line of `channel` of n pixels. */
static void expect_outputs(float *const *pixels, size_t n, size_t channel)
{
    for (size_t p = 0; p < n; p++)
        if (pixels[p])
            __builtin_prefetch(pixels[p] + channel, 1);
}

/* The sums of output channels [channel, end) for the positions from `at` on of the panel's block, of which it is number `first`. They take
   CHANNELS channels through all weights, or, where these are parts, all channels through a part. */
static void sparse_sums(const struct kernels *k, const struct weights *w, struct task t, size_t vectors, const float *panel, float *sums,
                        const struct outputs *out, size_t first)
{
    sparse_tile_fn *const tile = (w->share == 1 ? k->sparse_tile : k->shared_tile)[vectors - 1];
    const size_t width = vectors * k->lanes, together = w->parts > 1 ? t.channel_end - t.channel : CHANNELS;
    float *const *pixels = out->pixels + first, *const *residuals = out->epilogue.residual ? out->residuals + first : NULL;
    for (size_t top = t.channel; top < t.channel_end; top += together) {
        const size_t end = mg_min(top + together, t.channel_end);
        expect_outputs(pixels, width, top);
        for (size_t part = 0; part < w->parts; part++)
            tile(end - top, w->starts + part * w->rows + top / w->share, w->offsets, w->values, panel, sums, part > 0);
        for (size_t channel = top; channel < end; channel += CHANNELS) {
            if (channel + CHANNELS < end)
                expect_outputs(pixels, width, channel + CHANNELS);
            k->store_pixels(mg_min(CHANNELS, end - channel), width, sums + (channel - top) * width, w->bias ? w->bias + channel : NULL,
                            &out->epilogue, residuals, pixels, channel);
        }
    }
}

/* The positions [first, end) of the panel's block, which are not only padding: tiles of up to so many vectors, as even as can be. */
static void sparse_tiles(const struct kernels *k, const struct weights *w, struct task t, const float *panel, float *sums, size_t positions,
                         const struct outputs *out, size_t first)
{
    const size_t vectors = mg_ceil_div(positions, k->lanes),
                 tiles = mg_ceil_div(vectors, w->share == 1 ? k->sparse_vectors : k->shared_vectors);
    for (size_t i = 0, at = 0; i < tiles; i++) {
        const size_t n_vectors = (vectors + i) / tiles; /* they add up to `vectors` */
        sparse_sums(k, w, t, n_vectors, panel + at, sums, out, first + at);
        at += n_vectors * k->lanes;
    }
}

static void sparse_task(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const struct weights *w,
                        struct task t, const float *x, const float *residual, float *y, float *panel)
{
    struct outputs out;
    out.epilogue = (struct epilogue){s->activation, s->alpha, s->beta, residual, s->ldr};
    const size_t n = mg_part(t.end - t.first, 1, k->lanes);
    mg_outputs_at(s, l, y, s->ldy, t.first, n, out.pixels);
    if (residual)
        mg_outputs_at(s, l, (float *)residual, s->ldr, t.first, n, out.residuals);
    mg_pack_panel(s, k, l, x, t.first, n, panel);
    for (struct mg_span live = mg_live(l, t.first, t.end); live.first < live.end; live = mg_live(l, live.end, t.end))
        sparse_tiles(k, w, t, panel + (live.first - t.first), panel + l->panel, live.end - live.first, &out, live.first - t.first);
}

/* How the positions are divided: blocks of several images, or `parts` blocks of each, without its rows of padding. */
struct blocks {
    size_t image, live, parts, size, n;
};

static struct blocks blocks_of(const struct mg_line *l, size_t lanes, size_t wanted)
{
    const size_t least = SPARSE_VECTORS * lanes, even = mg_max(mg_part(l->positions, wanted, lanes), least);
    const size_t most = mg_min(l->block, even), images = mg_max(most / l->image, 1);
    struct blocks b = {.image = images * l->image, .live = images > 1 ? images * l->image : l->live};
    b.parts = images > 1 ? 1 : mg_ceil_div(b.live, most);
    b.size = mg_part(b.live, b.parts, MAX_LANES);
    b.n = mg_ceil_div(l->positions, b.image) * b.parts;
    return b;
}

/* Floats of each thread: the panel, and sums of a tile. */
static size_t scratch_of(const struct mg_sparse_conv *s, const struct mg_line *l)
{
    return l->panel + (s->parts > 1 ? mg_max(s->cout, CHANNELS) : CHANNELS) * SPARSE_VECTORS * MAX_LANES;
}

size_t mg_sparse_conv2d_scratch(const struct mg_sparse_conv *s, const struct mg_machine *machine)
{
    const struct mg_line l = mg_line_of(s, mg_kernels(machine)->lanes);
    return (size_t)machine->threads * scratch_of(s, &l);
}

void mg_sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                      const float *bias, const float *residual, float *y, float *scratch, const struct mg_machine *machine)
{
    mg_check_sparse(s);
    assert(s->parts > 0 && (s->block == 1 || (s->block == SPARSE_ROWS && s->parts == 1)));
    const struct kernels *k = mg_kernels(machine);
    const struct mg_line l = mg_line_of(s, k->lanes);
    const struct weights w = {s->block, s->parts, mg_ceil_div(s->cout, s->block), starts, offsets, values, bias};
    const size_t work = l.positions * ((size_t)starts[w.parts * w.rows] * s->block / MULTIPLY_ADDS + s->cin + s->cout),
                 threads = (size_t)mg_threads_for(work, machine);

    /* Blocks of positions for every thread, but none narrower than a tile. If that makes too few, output channels are split too, and
       each block is packed more than once. */
    const struct blocks b = blocks_of(&l, k->lanes, threads > 1 ? TASKS_PER_THREAD * threads : 1);
    const size_t channels = b.n < threads ? mg_part(s->cout, mg_ceil_div(threads, mg_max(b.n, 1)), CHANNELS) : s->cout;
    const size_t groups = mg_ceil_div(s->cout, channels);

    PARALLEL_FOR(i, b.n * groups, work, machine) {
        const size_t block = i / groups, start = block / b.parts * b.image, first = start + block % b.parts * b.size;
        const size_t end = mg_min(mg_min(first + b.size, start + b.live), l.positions), channel = i % groups * channels;
        if (first < end) {
            sparse_task(s, k, &l, &w, (struct task){first, end, channel, mg_min(channel + channels, s->cout)}, x, residual, y,
                        scratch + (size_t)MG_THREAD() * scratch_of(s, &l));
        }
    }
}
