/* Weights in the order in which the tiles read them. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

size_t mg_panels_size(size_t k, size_t cout)
{
    const struct kernels *kernels = mg_kernels();
    return (k + 1) * mg_ceil_div(cout, kernels->lanes) * kernels->lanes;
}

void mg_pack_weights(size_t k, size_t cout, const float *w, const float *bias, float *panels)
{
    const struct kernels *kernels = mg_kernels();
    const size_t columns = 2 * kernels->lanes;

    PARALLEL_FOR(p, mg_panel_count(kernels, cout), k * cout) {
        const size_t width = mg_panel_width(kernels, cout, p), n = mg_min(width, cout - p * columns);
        float *panel = panels + p * columns * (k + 1);
        memset(panel, 0, width * sizeof *panel);
        if (bias)
            memcpy(panel, bias + p * columns, n * sizeof *panel);
        kernels->pack_panel(k, n, width, w + p * columns, cout, panel + width);
    }
}

/* A square of BLOCK x BLOCK stays in cache while its rows are read and its columns written. */
enum { BLOCK = 16 };

static void transpose(size_t rows, size_t cols, const float *a, float *at)
{
    for (size_t i0 = 0; i0 < rows; i0 += BLOCK)
        for (size_t j0 = 0; j0 < cols; j0 += BLOCK)
            for (size_t j = j0; j < mg_min(j0 + BLOCK, cols); j++)
                for (size_t i = i0; i < mg_min(i0 + BLOCK, rows); i++)
                    at[j * rows + i] = a[i * cols + j];
}

void mg_turn_weights(size_t kh, size_t kw, size_t cin, size_t cout, const float *w, float *turned)
{
    const size_t taps = kh * kw;

    PARALLEL_FOR(tap, taps, taps * cin * cout)
        transpose(cin, cout, w + tap * cin * cout, turned + (taps - 1 - tap) * cin * cout);
}
