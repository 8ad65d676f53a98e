/* The gradient of sparse weights, only of those that are kept: the sum over output pixels of dy times the float that the weight
 * multiplied, as dot products of two lines of pixels (sparse_panel.h). The shape alone decides how positions are split into parts; each
 * part is summed by one thread and the parts are added in order, so the bits depend neither on the number of threads nor on the width
 * of a vector. Positions without an output count as dy = 0: an infinity in x makes the gradients of all weights of its channel NaN.
 */
#include <string.h>
#include "parallel.h"
#include "sparse_panel.h"

enum { MAX_PARTS = 8, ADD_CHUNK = 1 << 12 };

/* The positions in parts of `size`, a multiple of the blocks in which they are packed. */
struct parts {
    size_t n, size, block;
};

static struct parts parts_of(const struct mg_sparse_conv *s, const struct mg_line *l)
{
    const size_t even = mg_part(l->positions, MAX_PARTS, MAX_LANES);
    struct parts p = {.block = mg_min(mg_line_of(s, ALIGNED).block, mg_max(even, SPARSE_VECTORS * ALIGNED))};
    p.size = mg_part(l->positions, MAX_PARTS, p.block);
    p.n = mg_max(mg_ceil_div(l->positions, mg_max(p.size, 1)), 1);
    return p;
}

static size_t packed_size(const struct mg_sparse_conv *s, const struct mg_line *l)
{
    return l->panel + s->cout * l->stride;
}

size_t mg_sparse_conv2d_weight_scratch(const struct mg_sparse_conv *s, size_t entries, const struct mg_machine *machine)
{
    const struct mg_line l = mg_line_of(s, mg_kernels(machine)->lanes);
    return (size_t)machine->threads * packed_size(s, &l) + (parts_of(s, &l).n - 1) * entries * s->block;
}

/* dvalues += the sums over positions [first, first + n). */
static void weight_block(const struct mg_sparse_conv *s, const struct kernels *k, const struct mg_line *l, const int32_t *starts,
                         const int32_t *offsets, const float *panel, const float *lines, size_t n, float *dvalues)
{
    const size_t groups = n / MAX_LANES, tiles = mg_ceil_div(groups, SPARSE_VECTORS);
    for (size_t i = 0, at = 0; i < tiles; i++) {
        const size_t n_groups = (groups + i) / tiles;
        for (size_t channel = 0; channel < s->cout; channel++) {
            const size_t first = (size_t)starts[channel / s->block], end = (size_t)starts[channel / s->block + 1];
            k->sparse_dot[n_groups - 1](end - first, offsets + first, lines + channel * l->stride + at, panel + at,
                                        dvalues + first * s->block + channel % s->block, s->block);
        }
        at += n_groups * MAX_LANES;
    }
}

void mg_sparse_conv2d_weight(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *dy,
                             float *dvalues, float *scratch, const struct mg_machine *machine)
{
    mg_check_sparse(s);
    const struct kernels *k = mg_kernels(machine);
    const struct mg_line l = mg_line_of(s, k->lanes);
    const struct parts parts = parts_of(s, &l);
    const size_t weights = (size_t)starts[mg_ceil_div(s->cout, s->block)] * s->block,
                 work = l.positions * (weights / MULTIPLY_ADDS + s->cin);
    float *const part = scratch + (size_t)machine->threads * packed_size(s, &l);
    memset(dvalues, 0, weights * sizeof *dvalues);
    memset(part, 0, (parts.n - 1) * weights * sizeof *part);

    PARALLEL_FOR(i, parts.n, work, machine) {
        float *panel = scratch + (size_t)MG_THREAD() * packed_size(s, &l), *lines = panel + l.panel;
        const size_t end = mg_min((i + 1) * parts.size, l.positions);
        for (size_t first = i * parts.size; first < end; first += parts.block) {
            const size_t n = mg_part(mg_min(parts.block, end - first), 1, MAX_LANES);
            mg_pack_panel(s, k, &l, x, first, n, panel);
            mg_pack_outputs(s, k, &l, dy, first, n, lines);
            weight_block(s, k, &l, starts, offsets, panel, lines, n, i ? part + (i - 1) * weights : dvalues);
        }
    }
    PARALLEL_FOR(chunk, mg_ceil_div(weights, ADD_CHUNK), parts.n * weights, machine)
        for (size_t i = 0; i + 1 < parts.n; i++) {
            const size_t at = chunk * ADD_CHUNK;
            k->accumulate(mg_min(ADD_CHUNK, weights - at), part + i * weights + at, dvalues + at);
        }
}
