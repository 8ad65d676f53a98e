/* Elementwise operations and sums of columns: rows of c floats, any distance apart. */
#include <assert.h>
#include <string.h>
#include "geometry.h"
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { CHUNK = 1 << 13 }; /* floats that a thread takes at a time */

/* y = fn(a, b). Long rows are cut into chunks, short rows are taken several at a time. */
static void elementwise(elementwise_fn *fn, const struct mg_elementwise *s, const float *a, const float *b, size_t ldb, float *y,
                        const struct mg_machine *machine)
{
    assert(s->lda >= s->c && ldb >= s->c && s->ldy >= s->c);
    const size_t in_row = mg_ceil_div(s->c, CHUNK), rows_in_task = s->c && s->c < CHUNK ? CHUNK / s->c : 1;

    PARALLEL_FOR(task, mg_ceil_div(s->rows, rows_in_task) * in_row, s->rows * s->c, machine) {
        const size_t j = task % in_row * CHUNK, n = mg_min(CHUNK, s->c - j), first = task / in_row * rows_in_task;
        const size_t end = mg_min(first + rows_in_task, s->rows), lda = s->lda, ldy = s->ldy;
        const float alpha = s->alpha, beta = s->beta;
        for (size_t i = first; i < end; i++)
            fn(n, a + i * lda + j, b + i * ldb + j, y + i * ldy + j, alpha, beta);
    }
}

static const struct activation *activation_of(const struct mg_elementwise *s, const struct mg_machine *machine)
{
    assert(s->activation >= 0 && s->activation < MG_ACTIVATIONS);
    return &mg_kernels(machine)->activations[s->activation];
}

void mg_activation(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine)
{
    elementwise(activation_of(s, machine)->forward, s, a, a, s->lda, y, machine);
}

void mg_activation_backward(const struct mg_elementwise *s, const float *kept, const float *dy, float *dx, const struct mg_machine *machine)
{
    elementwise(activation_of(s, machine)->backward, s, kept, dy, s->ldb, dx, machine);
}

void mg_add(const struct mg_elementwise *s, const float *a, const float *b, float *y, const struct mg_machine *machine)
{
    elementwise(mg_kernels(machine)->add, s, a, b, s->ldb, y, machine);
}

void mg_copy(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine)
{
    elementwise(mg_kernels(machine)->copy, s, a, a, s->lda, y, machine);
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

size_t mg_column_sums_scratch(size_t rows, size_t c)
{
    return mg_ceil_div(rows, TERMS_IN_SUM) * c;
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

    mg_add_pairwise(k, blocks, c, scratch, c);
    if (blocks)
        memcpy(sums, scratch, c * sizeof *sums);
    else
        memset(sums, 0, c * sizeof *sums);
}
