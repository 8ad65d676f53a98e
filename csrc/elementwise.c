/* Operations that take each number by itself, or by its column: rows of c floats, rows any distance apart. */
#include <assert.h>
#include <math.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum {
    CHUNK = 1 << 13,   /* floats that a thread takes at a time */
    ROWS_IN_SUM = 256, /* rows in one running sum */
};

typedef void binary_fn(size_t n, const float *a, const float *b, float *y);

/* Long rows are cut into chunks, short rows are taken several at a time. */
static void binary(binary_fn *fn, size_t rows, size_t c, const float *a, size_t a_pixel, const float *b, size_t b_pixel,
                   float *y, size_t y_pixel)
{
    assert(a_pixel >= c && b_pixel >= c && y_pixel >= c);
    const size_t in_row = mg_ceil_div(c, CHUNK), rows_in_task = c && c < CHUNK ? CHUNK / c : 1;

    PARALLEL_FOR(task, mg_ceil_div(rows, rows_in_task) * in_row, rows * c) {
        const size_t j = task % in_row * CHUNK, n = mg_min(CHUNK, c - j), first = task / in_row * rows_in_task;
        for (size_t i = first; i < mg_min(first + rows_in_task, rows); i++)
            fn(n, a + i * a_pixel + j, b + i * b_pixel + j, y + i * y_pixel + j);
    }
}

void mg_relu(size_t rows, size_t c, const float *x, size_t x_pixel, float *y, size_t y_pixel)
{
    binary(mg_kernels()->relu, rows, c, x, x_pixel, x, x_pixel, y, y_pixel);
}

void mg_relu_backward(size_t rows, size_t c, const float *y, size_t y_pixel, const float *dy, size_t dy_pixel, float *dx, size_t dx_pixel)
{
    binary(mg_kernels()->relu, rows, c, y, y_pixel, dy, dy_pixel, dx, dx_pixel);
}

void mg_add(size_t rows, size_t c, const float *a, size_t a_pixel, const float *b, size_t b_pixel, float *y, size_t y_pixel)
{
    binary(mg_kernels()->add, rows, c, a, a_pixel, b, b_pixel, y, y_pixel);
}

void mg_tanh(size_t n, float gain, float slope, const float *x, float *y)
{
    PARALLEL_FOR(chunk, mg_ceil_div(n, CHUNK), n)
        for (size_t i = chunk * CHUNK; i < mg_min((chunk + 1) * CHUNK, n); i++)
            y[i] = gain * tanhf(slope * x[i]);
}

void mg_sgd(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w)
{
    const struct kernels *k = mg_kernels();

    PARALLEL_FOR(chunk, mg_ceil_div(n, CHUNK), n) {
        const size_t i = chunk * CHUNK;
        k->sgd(mg_min(CHUNK, n - i), lr, momentum, weight_decay, nesterov, dw + i, v + i, w + i);
    }
}

size_t mg_column_sums_scratch(size_t rows, size_t c)
{
    return mg_ceil_div(rows, ROWS_IN_SUM) * c;
}

/* Blocks of rows, then the blocks: the error grows with 256 + rows / 256 terms instead of all, and any thread may take any block. */
void mg_column_sums(size_t rows, size_t c, const float *x, size_t x_pixel, float *scratch, float *sums)
{
    assert(x_pixel >= c);
    const struct kernels *k = mg_kernels();
    const size_t blocks = mg_ceil_div(rows, ROWS_IN_SUM);

    memset(scratch, 0, blocks * c * sizeof *scratch);
    PARALLEL_FOR(block, blocks, rows * c)
        for (size_t i = block * ROWS_IN_SUM; i < mg_min((block + 1) * ROWS_IN_SUM, rows); i++)
            k->add(c, scratch + block * c, x + i * x_pixel, scratch + block * c);

    memset(sums, 0, c * sizeof *sums);
    for (size_t block = 0; block < blocks; block++)
        k->add(c, sums, scratch + block * c, sums);
}
