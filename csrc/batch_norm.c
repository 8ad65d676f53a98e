/* Batch normalisation: moments, and sums for the gradient, in blocks of rows that do not depend on the number of threads. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

size_t mg_batch_norm_scratch(size_t rows, size_t c)
{
    return 2 * mg_ceil_div(rows, TERMS_IN_SUM) * c;
}

static size_t rows_in(size_t rows, size_t block)
{
    return mg_min(TERMS_IN_SUM, rows - block * TERMS_IN_SUM);
}

/* Blocks are combined by the formula of Chan, Golub, LeVeque (1979), in double. */
void mg_batch_norm_moments(size_t rows, size_t c, const float *x, size_t ldx, float *scratch, float *mean, float *variance,
                           const struct mg_machine *machine)
{
    assert(rows > 0 && ldx >= c);
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(rows, TERMS_IN_SUM);

    PARALLEL_FOR(block, blocks, rows * c, machine) {
        float *at = scratch + 2 * block * c;
        k->moments(rows_in(rows, block), c, x + block * TERMS_IN_SUM * ldx, ldx, at, at + c);
    }

    PARALLEL_FOR(j, c, blocks * c, machine) {
        double n = 0, joined = 0, m2 = 0;
        for (size_t block = 0; block < blocks; block++) {
            const double count = (double)rows_in(rows, block), d = scratch[2 * block * c + j] - joined;
            n += count;
            joined += d * count / n;
            m2 += scratch[(2 * block + 1) * c + j] + d * d * (n - count) * count / n;
        }
        mean[j] = (float)joined;
        variance[j] = (float)(m2 / n);
    }
}

void mg_batch_norm(size_t rows, size_t c, const float *x, size_t ldx, const float *mean, const float *scale, const float *shift, int relu,
                   float *y, size_t ldy, const struct mg_machine *machine)
{
    assert(ldx >= c && ldy >= c);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(block, mg_ceil_div(rows, TERMS_IN_SUM), rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        k->normalize(rows_in(rows, block), c, x + first * ldx, ldx, mean, scale, shift, relu, y + first * ldy, ldy);
    }
}

void mg_batch_norm_sums(size_t rows, size_t c, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                        const float *scale, const float *shift, float *scratch, float *sum_dz, float *sum_dzx,
                        const struct mg_machine *machine)
{
    assert(ldx >= c && lddy >= c);
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(rows, TERMS_IN_SUM);

    PARALLEL_FOR(block, blocks, 2 * rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        float *at = scratch + 2 * block * c;
        k->norm_sums(rows_in(rows, block), c, x + first * ldx, ldx, dy + first * lddy, lddy, mean, scale, shift, at, at + c);
    }

    mg_add_pairwise(k, blocks, 2 * c, scratch, 2 * c);
    memcpy(sum_dz, scratch, c * sizeof *sum_dz);
    memcpy(sum_dzx, scratch + c, c * sizeof *sum_dzx);
}

void mg_batch_norm_backward(size_t rows, size_t c, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                            const float *shift, const float *factors, float *dx, size_t lddx, const struct mg_machine *machine)
{
    assert(ldx >= c && lddy >= c && lddx >= c);
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(block, mg_ceil_div(rows, TERMS_IN_SUM), 3 * rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        k->norm_backward(rows_in(rows, block), c, x + first * ldx, ldx, dy + first * lddy, lddy, mean, shift, factors, dx + first * lddx,
                         lddx);
    }
}
