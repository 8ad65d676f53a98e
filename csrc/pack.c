/* Packs weights in the order in which the tiles read them. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

size_t mg_panels_size(size_t k, size_t cout, const struct mg_machine *machine)
{
    const struct kernels *kernels = mg_kernels(machine);
    return (k + 1) * mg_round_up(cout, kernels->lanes);
}

void mg_pack_weights(size_t k, size_t cout, const float *w, const float *bias, float *panels, const struct mg_machine *machine)
{
    const struct kernels *kernels = mg_kernels(machine);
    const size_t columns = 2 * kernels->lanes;

    PARALLEL_FOR(p, mg_panel_count(kernels, cout), k * cout, machine) {
        const size_t width = mg_panel_width(kernels, cout, p), n = mg_min(width, cout - p * columns);
        float *panel = panels + p * columns * (k + 1);
        memset(panel, 0, width * sizeof *panel);
        if (bias)
            memcpy(panel, bias + p * columns, n * sizeof *panel);
        kernels->pack_panel(k, n, width, w + p * columns, cout, panel + width);
    }
}

enum { STRIP = 64 }; /* columns that one thread transposes at a time */

void mg_flip_weights(size_t kh, size_t kw, size_t cin, size_t cout, const float *w, float *flipped, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t taps = kh * kw, strips = mg_ceil_div(cout, STRIP);

    PARALLEL_FOR(i, taps * strips, taps * cin * cout, machine) {
        const size_t tap = i / strips, column = i % strips * STRIP;
        k->transpose_matrix(cin, mg_min(STRIP, cout - column), w + tap * cin * cout + column, cout,
                            flipped + (taps - 1 - tap) * cin * cout + column * cin, cin);
    }
}
