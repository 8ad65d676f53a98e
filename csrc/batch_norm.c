/* Batch normalisation: moments, and sums for the gradient, in blocks of rows that do not depend on the number of threads. */
#include <assert.h>
#include <math.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

size_t mg_batch_norm_scratch(size_t rows, size_t c)
{
    return (2 * mg_ceil_div(rows, TERMS_IN_SUM) + 4) * c;
}

static size_t rows_in(size_t rows, size_t block)
{
    return mg_min(TERMS_IN_SUM, rows - block * TERMS_IN_SUM);
}

/* Blocks are combined by the formula of Chan, Golub, LeVeque (1979), in double. */
static void moments(size_t rows, size_t c, const float *x, size_t ldx, float *scratch, float *mean, float *variance,
                    const struct mg_machine *machine)
{
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

/* The gradient computes it again and must find the same bits. */
static void scale_of(size_t c, const float *gamma, const float *variance, float eps, float *scale)
{
    for (size_t j = 0; j < c; j++)
        scale[j] = gamma[j] / sqrtf(variance[j] + eps);
}

void mg_batch_norm(size_t rows, size_t c, const float *x, size_t ldx, const float *gamma, const float *beta, float eps, int relu,
                   float *scratch, float *mean, float *variance, float *y, size_t ldy, const struct mg_machine *machine)
{
    assert(rows > 0 && ldx >= c && ldy >= c);
    const struct kernels *k = mg_kernels(machine);
    float *scale = scratch;

    moments(rows, c, x, ldx, scratch, mean, variance, machine);
    scale_of(c, gamma, variance, eps, scale);

    PARALLEL_FOR(block, mg_ceil_div(rows, TERMS_IN_SUM), rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        k->normalize(rows_in(rows, block), c, x + first * ldx, ldx, mean, scale, beta, relu, y + first * ldy, ldy);
    }
}

/* sums[c] = the sums of dz, sums[c, ...] those of dz * (x - mean), in blocks whose sums are in scratch [blocks, 2, c] first. */
static const float *sums(size_t rows, size_t c, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                         const float *scale, const float *shift, float *scratch, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(rows, TERMS_IN_SUM);

    PARALLEL_FOR(block, blocks, 2 * rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        float *at = scratch + 2 * block * c;
        k->norm_sums(rows_in(rows, block), c, x + first * ldx, ldx, dy + first * lddy, lddy, mean, scale, shift, at, at + c);
    }

    mg_add_pairwise(k, blocks, 2 * c, scratch, 2 * c);
    return scratch;
}

/* dx = scale * dz + factors[1] * (x - mean) + factors[2], from the sums over the rows; factors [3, c] begin with the scale. */
static void factors_of(size_t rows, size_t c, const float *variance, float eps, const float *sum_dz, const float *sum_dzx, float *factors,
                       float *dgamma, float *dbeta)
{
    for (size_t j = 0; j < c; j++) {
        const float inverse = 1 / sqrtf(variance[j] + eps), scale = factors[j];
        factors[c + j] = -scale * inverse * inverse * sum_dzx[j] / (float)rows;
        factors[2 * c + j] = -scale * sum_dz[j] / (float)rows;
        dgamma[j] = sum_dzx[j] * inverse;
        dbeta[j] = sum_dz[j];
    }
}

void mg_batch_norm_backward(size_t rows, size_t c, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                            const float *variance, const float *gamma, const float *beta, float eps, int relu, float *scratch,
                            float *dgamma, float *dbeta, float *dx, size_t lddx, const struct mg_machine *machine)
{
    assert(rows > 0 && ldx >= c && lddy >= c && lddx >= c);
    const struct kernels *k = mg_kernels(machine);
    const float *shift = relu ? beta : NULL;
    float *factors = scratch + 2 * mg_ceil_div(rows, TERMS_IN_SUM) * c;

    scale_of(c, gamma, variance, eps, factors);
    const float *sum = sums(rows, c, x, ldx, dy, lddy, mean, factors, shift, scratch, machine);
    factors_of(rows, c, variance, eps, sum, sum + c, factors, dgamma, dbeta);

    PARALLEL_FOR(block, mg_ceil_div(rows, TERMS_IN_SUM), 3 * rows * c, machine) {
        const size_t first = block * TERMS_IN_SUM;
        k->norm_backward(rows_in(rows, block), c, x + first * ldx, ldx, dy + first * lddy, lddy, mean, shift, factors, dx + first * lddx,
                         lddx);
    }
}
