/* bf16: convolution, as far as narrow.c does not know it, conversions and pooling. */
#include <string.h>
#include "narrow_kernels.h"
#include "parallel.h"
#include "pool.h"

size_t mg_bf16_panels_size(const struct mg_conv *s, const struct mg_machine *machine)
{
    return mg_narrow_panels_size(mg_bf16_kernels(machine), s, machine);
}

static void write_bias(const void *bias, int32_t *panel, size_t width, size_t first, size_t n)
{
    (void)width;
    if (bias)
        memcpy(panel, (const float *)bias + first, n * sizeof *panel);
}

void mg_bf16_pack(const struct mg_conv *s, const uint16_t *w, const float *bias, int32_t *panels, const struct mg_machine *machine)
{
    mg_narrow_pack(mg_bf16_kernels(machine), s, w, write_bias, bias, panels, machine);
}

void mg_bf16_conv2d(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, uint16_t *y, const struct mg_machine *machine)
{
    mg_narrow_conv2d(mg_bf16_kernels(machine), s, x, panels, 0, y, machine);
}

void mg_bf16_conv2d_float(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, float *y, const struct mg_machine *machine)
{
    mg_narrow_conv2d(mg_bf16_kernels(machine), s, x, panels, 1, y, machine);
}

void mg_to_bf16(const struct mg_elementwise *s, const float *x, uint16_t *y, const struct mg_machine *machine)
{
    const struct half_rows *k = mg_kernels(machine)->half_rows;

    PARALLEL_FOR(row, s->rows, s->rows * s->c, machine)
        k->to_bf16(s->c, x + row * s->lda, y + row * s->ldy);
}

void mg_from_bf16(const struct mg_elementwise *s, const uint16_t *x, float *y, const struct mg_machine *machine)
{
    const struct half_rows *k = mg_kernels(machine)->half_rows;

    PARALLEL_FOR(row, s->rows, s->rows * s->c, machine)
        k->from_bf16(s->c, x + row * s->lda, y + row * s->ldy);
}

void mg_bf16_max_pool2d(const struct mg_pool *s, const uint16_t *x, uint16_t *y, const struct mg_machine *machine)
{
    const struct half_rows *k = mg_kernels(machine)->half_rows;
    const struct axis rows = mg_rows_of(s), cols = mg_cols_of(s);
    const size_t n_rows = s->n * s->out_h;

    PARALLEL_FOR(row, n_rows, n_rows * s->out_w * s->c * s->kh * s->kw / 2, machine) {
        const struct covered v = mg_covered_by(&rows, row % s->out_h);
        const uint16_t *x_row = x + (row / s->out_h * s->h + v.first) * s->w * s->ldx;
        const struct pool_row r = {s->c,   v.count, s->dilation_h * s->w * s->ldx, s->w, s->kw, s->stride_w, s->pad_left, s->out_w,
                                   s->ldx, s->ldy};
        if (s->dilation_w == 1 && k->max_row(&r, x_row, y + row * s->out_w * s->ldy))
            continue;
        for (size_t ox = 0; ox < s->out_w; ox++) {
            const struct covered u = mg_covered_by(&cols, ox);
            const struct pool_window window = {s->c, v.count, u.count, s->dilation_h * s->w, s->dilation_w, s->ldx};
            k->max_window(&window, x_row + u.first * s->ldx, y + (row * s->out_w + ox) * s->ldy);
        }
    }
}

void mg_bf16_avg_pool2d(const struct mg_pool *s, const uint16_t *x, float *y, const struct mg_machine *machine)
{
    const struct half_rows *k = mg_kernels(machine)->half_rows;
    const size_t pixels = s->n * s->out_h * s->out_w;

    PARALLEL_FOR(pixel, pixels, pixels * s->c * s->kh * s->kw, machine) {
        size_t first, count;
        const struct pool_window window = mg_window_of(s, pixel, &first, &count);
        k->mean_window(&window, (float)count, x + first, y + pixel * s->ldy);
    }
}

double mg_bf16_peak(size_t rounds, const struct mg_machine *machine)
{
    return mg_narrow_peak(mg_bf16_kernels(machine), rounds, machine);
}

int mg_bf16_has_dot(const struct mg_machine *machine)
{
    return mg_bf16_kernels(machine)->has_dot;
}
