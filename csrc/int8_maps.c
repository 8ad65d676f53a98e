/* Maps of bytes other than convolutions: codes of values, values of codes, pooling, copies. */
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "pool.h"

void mg_quantize(const struct mg_quantize *s, const float *x, uint8_t *y, const struct mg_machine *machine)
{
    const struct byte_rows *k = mg_kernels(machine)->byte_rows;

    PARALLEL_FOR(row, s->rows, s->rows * s->c, machine)
        k->quantize(s->c, s->factor, s->zero, x + row * s->ldx, y + row * s->ldy);
}

/* n pixels, each `pixel`; returns where they end. */
static uint8_t *repeat(size_t n, size_t c, const uint8_t *pixel, uint8_t *y)
{
    for (size_t i = 0; i < n; i++, y += c)
        for (size_t j = 0; j < c; j++)
            y[j] = pixel[j];
    return y;
}

void mg_quantize_image(const struct mg_place *s, const float *x, const float *codes, uint8_t *y, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t c = s->c, left = (size_t)s->left, right = s->out_w - left - s->w;
    float factors[MG_IMAGE_CHANNELS * MAX_LANES], zeros[MG_IMAGE_CHANNELS * MAX_LANES]; /* of c vectors of values */
    uint8_t padding[MG_IMAGE_CHANNELS];
    assert(c > 0 && c <= MG_IMAGE_CHANNELS && s->ldx == c);
    assert(s->step_h == 1 && s->step_w == 1 && s->top >= 0 && s->left >= 0 && left + s->w <= s->out_w);
    for (size_t i = 0; i < c * k->lanes; i++) {
        factors[i] = codes[i % c];
        zeros[i] = codes[c + i % c];
    }
    k->byte_rows->quantize_image(c, c, factors, zeros, (const float[MG_IMAGE_CHANNELS]){0}, padding);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * c, machine) {
        uint8_t *at = y + row * s->out_w * c;
        const size_t down = row % s->out_h - (size_t)s->top; /* huge above the map */
        if (down < s->h) {
            at = repeat(left, c, padding, at);
            k->byte_rows->quantize_image(s->w * c, c, factors, zeros, x + (row / s->out_h * s->h + down) * s->w * c, at);
            repeat(right, c, padding, at + s->w * c);
        } else {
            repeat(s->out_w, c, padding, at);
        }
    }
}

void mg_dequantize(const struct mg_quantize *s, const uint8_t *x, float *y, const struct mg_machine *machine)
{
    const struct byte_rows *k = mg_kernels(machine)->byte_rows;

    PARALLEL_FOR(row, s->rows, s->rows * s->c, machine)
        k->dequantize(s->c, s->factor, s->zero, x + row * s->ldx, y + row * s->ldy);
}

void mg_place_bytes(const struct mg_place *s, int32_t fill, const uint8_t *x, uint8_t *y, const struct mg_machine *machine)
{
    assert(s->ldx >= s->c && s->step_h == 1 && s->step_w == 1 && s->top >= 0 && s->left >= 0 && (size_t)s->left + s->w <= s->out_w);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c / 4, machine) {
        uint8_t *at = y + row * s->out_w * s->c;
        const size_t down = row % s->out_h - (size_t)s->top; /* huge above the map */
        memset(at, fill, s->out_w * s->c);
        for (size_t j = 0; down < s->h && j < s->w; j++)
            memcpy(at + ((size_t)s->left + j) * s->c, x + ((row / s->out_h * s->h + down) * s->w + j) * s->ldx, s->c);
    }
}

void mg_copy_bytes(const struct mg_elementwise *s, const uint8_t *a, uint8_t *y, const struct mg_machine *machine)
{
    PARALLEL_FOR(row, s->rows, s->rows * s->c / 4, machine)
        memcpy(y + row * s->ldy, a + row * s->lda, s->c);
}

void mg_int8_max_pool2d(const struct mg_pool *s, const uint8_t *x, uint8_t *y, const struct mg_machine *machine)
{
    const struct byte_rows *k = mg_kernels(machine)->byte_rows;
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);

    PARALLEL_FOR(row, s->n * s->out_h, s->n * s->out_h * s->out_w * s->c * s->kh * s->kw / 4, machine) {
        const struct covered v = mg_covered_by(&rows, row % s->out_h);
        const uint8_t *first_row = x + (row / s->out_h * s->h + v.first) * s->w * s->ldx;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct covered u = mg_covered_by(&cols, ox);
            const struct pool_window window = {s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
            k->max_window(&window, first_row + u.first * s->ldx, y + (row * s->out_w + ox) * s->ldy);
        }
    }
}

void mg_int8_avg_pool2d(const struct mg_int8_average *a, const uint8_t *x, float *y, const struct mg_machine *machine)
{
    const struct byte_rows *k = mg_kernels(machine)->byte_rows;
    const struct mg_pool *s = &a->pool;
    const size_t blocks = mg_ceil_div(s->c, BYTE_SUMS), pixels = s->n * s->out_h * s->out_w;

    PARALLEL_FOR(task, pixels * blocks, pixels * s->c * s->kh * s->kw / 4, machine) {
        size_t first, count;
        struct pool_window window = mg_window_of(s, task / blocks, &first, &count);
        const size_t channel = task % blocks * BYTE_SUMS;
        window.channels = mg_min(BYTE_SUMS, s->c - channel);
        k->mean_window(&window, a->factor / (float)count, x + first + channel, y + task / blocks * s->ldy + channel);
    }
}
