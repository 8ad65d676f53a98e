/* Local response normalisation, pixel by pixel. */
#include <assert.h>
#include "kernels.h"
#include "parallel.h"

enum { FLOATS_IN_TASK = 1 << 13 };

void mg_lrn(const struct mg_elementwise *s, size_t size, const float *x, float *y, const struct mg_machine *machine)
{
    assert(s->lda >= s->c && s->ldy >= s->c && size % 2 == 1 && size <= MG_LRN_WIDEST);
    const struct kernels *k = mg_kernels(machine);
    const size_t pixels = s->c < FLOATS_IN_TASK ? FLOATS_IN_TASK / mg_max(s->c, 1) : 1;

    PARALLEL_FOR(task, mg_ceil_div(s->rows, pixels), 4 * s->rows * s->c, machine) {
        const size_t end = mg_min((task + 1) * pixels, s->rows);
        for (size_t row = task * pixels; row < end; row++)
            k->lrn_pixel(s->c, size, s->alpha, s->beta, x + row * s->lda, y + row * s->ldy);
    }
}
