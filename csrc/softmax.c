/* Softmax and cross-entropy, row by row. */
#include <assert.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

void mg_softmax(size_t n, size_t c, const float *x, float *y, const struct mg_machine *machine)
{
    assert(c > 0);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(i, n, n * c, machine) {
        float largest;
        k->softmax_row(c, x + i * c, y + i * c, &largest);
    }
}

void mg_softmax_backward(size_t n, size_t c, const float *y, const float *dy, float *dx, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(i, n, n * c, machine)
        k->softmax_row_backward(c, y + i * c, dy + i * c, dx + i * c);
}

void mg_cross_entropy(size_t n, size_t c, const float *logits, const int64_t *labels, float *probabilities, float *losses,
                      const struct mg_machine *machine)
{
    assert(c > 0);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(i, n, n * c, machine) {
        assert(labels[i] >= 0 && (size_t)labels[i] < c);
        /* from the logits, not -log(probability): a probability that rounds to zero still has a finite loss */
        float largest;
        const float log_sum = k->softmax_row(c, logits + i * c, probabilities + i * c, &largest);
        losses[i] = log_sum - (logits[i * c + (size_t)labels[i]] - largest);
    }
}

void mg_cross_entropy_backward(size_t n, size_t c, const float *probabilities, const int64_t *labels, float scale, float *dlogits,
                               const struct mg_machine *machine)
{
    PARALLEL_FOR(i, n, n * c, machine) {
        for (size_t j = 0; j < c; j++)
            dlogits[i * c + j] = scale * probabilities[i * c + j];
        dlogits[i * c + (size_t)labels[i]] -= scale;
    }
}
