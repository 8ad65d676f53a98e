/* Sparse convolution as in textbooks, for comparison. */
#include "conv.h"
#include "kernels.h"
#include "parallel.h"

void mg_sparse_conv2d_textbook(const struct mg_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                               const float *bias, float *y, const struct mg_machine *machine)
{
    mg_check_conv(s);
    assert(s->kw == 1 || s->ldx == s->cin);
    const size_t pixels = s->n * s->out_h * s->out_w, entries = (size_t)starts[s->cout];

    PARALLEL_FOR(pixel, pixels, pixels * entries, machine) {
        const float *window = x + mg_window_at(s, pixel);
        for (size_t o = 0; o < s->cout; o++) {
            float sum = bias ? bias[o] : 0;
            for (size_t e = (size_t)starts[o]; e < (size_t)starts[o + 1]; e++)
                sum += values[e] * window[offsets[e]];
            y[pixel * s->ldy + o] = s->activation == MG_RELU && sum <= 0 ? 0 : sum;
        }
    }
}
