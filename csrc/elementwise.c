/* Elementwise operations and sums of columns: rows of c floats, any distance apart. */
#include <assert.h>
#include <string.h>
#include "geometry.h"
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { CHUNK = 1 << 13 }; /* floats that a thread takes at a time */

/* y = then(fn(a, b)), or fn(a, b) where `then` is NULL. Long rows are cut into chunks, short rows are taken several at a time. */
static void elementwise(elementwise_fn *fn, elementwise_fn *then, const struct mg_elementwise *s, const float *a, const float *b,
                        size_t ldb, float *y, const struct mg_machine *machine)
{
    assert(s->lda >= s->c && ldb >= s->c && s->ldy >= s->c);
    const size_t in_row = mg_ceil_div(s->c, CHUNK), rows_in_task = s->c && s->c < CHUNK ? CHUNK / s->c : 1;

    PARALLEL_FOR(task, mg_ceil_div(s->rows, rows_in_task) * in_row, s->rows * s->c, machine) {
        const size_t j = task % in_row * CHUNK, n = mg_min(CHUNK, s->c - j), first = task / in_row * rows_in_task;
        const size_t end = mg_min(first + rows_in_task, s->rows), lda = s->lda, ldy = s->ldy;
        const float alpha = s->alpha, beta = s->beta;
        for (size_t i = first; i < end; i++) {
            fn(n, a + i * lda + j, b + i * ldb + j, y + i * ldy + j, alpha, beta);
            if (then)
                then(n, y + i * ldy + j, y + i * ldy + j, y + i * ldy + j, alpha, beta);
        }
    }
}

static const struct activation *activation_of(const struct mg_elementwise *s, const struct mg_machine *machine)
{
    assert(s->activation >= 0 && s->activation < MG_ACTIVATIONS);
    return &mg_kernels(machine)->activations[s->activation];
}

void mg_activation(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine)
{
    elementwise(activation_of(s, machine)->forward, NULL, s, a, a, s->lda, y, machine);
}

void mg_activation_backward(const struct mg_elementwise *s, const float *kept, const float *dy, float *dx, const struct mg_machine *machine)
{
    elementwise(activation_of(s, machine)->backward, NULL, s, kept, dy, s->ldb, dx, machine);
}

void mg_add(const struct mg_elementwise *s, const float *a, const float *b, float *y, const struct mg_machine *machine)
{
    elementwise_fn *then = s->activation == MG_NONE ? NULL : activation_of(s, machine)->forward;
    elementwise(mg_kernels(machine)->add, then, s, a, b, s->ldb, y, machine);
}

void mg_copy(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine)
{
    elementwise(mg_kernels(machine)->copy, NULL, s, a, a, s->lda, y, machine);
}

void mg_affine(const struct mg_affine *s, const float *x, const float *scale, const float *shift, float *y,
               const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->ldy >= s->c && (s->lds == 0 || s->lds >= s->c));
    assert(s->activation >= 0 && s->activation < MG_ACTIVATIONS);
    const struct kernels *k = mg_kernels(machine);
    const struct epilogue e = {.activation = s->activation, .alpha = s->alpha, .beta = s->beta};
    const size_t block = s->c && s->c < CHUNK ? CHUNK / s->c : 1, blocks = mg_ceil_div(s->rows, block);

    PARALLEL_FOR(task, s->n * blocks, s->n * s->rows * s->c, machine) {
        const size_t image = task / blocks, first = task % blocks * block, row = image * s->rows + first;
        k->affine(mg_min(block, s->rows - first), s->c, x + row * s->ldx, s->ldx, scale + image * s->lds, shift, &e, y + row * s->ldy,
                  s->ldy);
    }
}

void mg_channel_shuffle(const struct mg_elementwise *s, size_t groups, const float *a, float *y, const struct mg_machine *machine)
{
    assert(s->lda >= s->c && s->ldy >= s->c && groups > 0 && s->c % groups == 0);
    const struct kernels *k = mg_kernels(machine);
    const size_t in_group = s->c / groups, block = s->c && s->c < CHUNK ? CHUNK / s->c : 1;

    PARALLEL_FOR(task, mg_ceil_div(s->rows, block), s->rows * s->c, machine)
        for (size_t i = task * block; i < mg_min((task + 1) * block, s->rows); i++)
            k->shuffle_pixel(groups, in_group, a + i * s->lda, y + i * s->ldy);
}

void mg_sgd(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w,
            const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(chunk, mg_ceil_div(n, CHUNK), n, machine) {
        const size_t i = chunk * CHUNK;
        k->sgd(mg_min(CHUNK, n - i), lr, momentum, weight_decay, nesterov, dw + i, v + i, w + i);
    }
}

void mg_average(size_t n, float share, const float *w, float *average, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);

    PARALLEL_FOR(chunk, mg_ceil_div(n, CHUNK), n, machine) {
        const size_t i = chunk * CHUNK;
        k->average(mg_min(CHUNK, n - i), share, w + i, average + i);
    }
}

size_t mg_column_sums_scratch(size_t rows, size_t c)
{
    return mg_ceil_div(rows, TERMS_IN_SUM) * c;
}

/* sums = the sum of the blocks' sums, pairwise; 0 without a block. */
static void join_blocks(const struct kernels *k, size_t blocks, size_t c, float *scratch, float *sums)
{
    mg_add_pairwise(k, blocks, c, scratch, c);
    if (blocks)
        memcpy(sums, scratch, c * sizeof *sums);
    else
        memset(sums, 0, c * sizeof *sums);
}

/* Blocks of rows, then the blocks pairwise: any thread may take any block. */
void mg_column_sums(size_t rows, size_t c, const float *x, size_t ldx, float *scratch, float *sums, const struct mg_machine *machine)
{
    assert(ldx >= c);
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(rows, TERMS_IN_SUM);

    memset(scratch, 0, blocks * c * sizeof *scratch);
    PARALLEL_FOR(block, blocks, rows * c, machine)
        for (size_t i = block * TERMS_IN_SUM; i < mg_min((block + 1) * TERMS_IN_SUM, rows); i++)
            k->accumulate(c, x + i * ldx, scratch + block * c);

    join_blocks(k, blocks, c, scratch, sums);
}

void mg_relu_sums(const struct mg_elementwise *s, const float *y, const float *dy, float *dz, float *scratch, float *sums,
                  const struct mg_machine *machine)
{
    assert(s->lda >= s->c && s->ldb >= s->c && s->ldy >= s->c);
    const struct kernels *k = mg_kernels(machine);
    const size_t blocks = mg_ceil_div(s->rows, TERMS_IN_SUM);

    memset(scratch, 0, blocks * s->c * sizeof *scratch);
    PARALLEL_FOR(block, blocks, 3 * s->rows * s->c, machine) {
        const size_t first = block * TERMS_IN_SUM, rows = mg_min(TERMS_IN_SUM, s->rows - first);
        k->relu_sums(rows, s->c, y + first * s->lda, s->lda, dy + first * s->ldb, s->ldb, dz + first * s->ldy, s->ldy,
                     scratch + block * s->c);
    }
    join_blocks(k, blocks, s->c, scratch, sums);
}
