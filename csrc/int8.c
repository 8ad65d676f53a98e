/* Convolution of bytes: what narrow.c does not know of it. */
#include <assert.h>
#include <string.h>
#include "narrow_kernels.h"

size_t mg_int8_panels_size(const struct mg_conv *s, const struct mg_machine *machine)
{
    return mg_narrow_panels_size(mg_int8_kernels(machine), s, machine);
}

struct header {
    size_t terms, cout;
    const int8_t *w;
    const int32_t *bias;
    const float *factors;
};

/* The bias, what signed dot products add to it (128 times the sum of the weights), the factors. */
static void write_header(const void *of, int32_t *panel, size_t width, size_t first, size_t n)
{
    const struct header *h = of;
    memcpy(panel, h->bias + first, n * sizeof *panel);
    for (size_t i = 0; i < h->terms; i++)
        for (size_t j = 0; j < n; j++)
            panel[width + j] += 128 * h->w[i * h->cout + first + j];
    memcpy(panel + 2 * width, h->factors + first, n * sizeof *panel);
}

void mg_int8_pack(const struct mg_conv *s, const int8_t *w, const int32_t *bias, const float *factors, int32_t *panels,
                  const struct mg_machine *machine)
{
    const struct header h = {s->kh * s->kw * s->cin, s->cout, w, bias, factors};
    mg_narrow_pack(mg_int8_kernels(machine), s, w, write_header, &h, panels, machine);
}

void mg_int8_conv2d(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, uint8_t *y, const struct mg_machine *machine)
{
    assert(s->alpha >= 0 && s->beta <= 255);
    mg_narrow_conv2d(mg_int8_kernels(machine), s, x, panels, 0, y, machine);
}

void mg_int8_conv2d_float(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, float *y, const struct mg_machine *machine)
{
    mg_narrow_conv2d(mg_int8_kernels(machine), s, x, panels, 1, y, machine);
}

double mg_int8_peak(size_t rounds, const struct mg_machine *machine)
{
    return mg_narrow_peak(mg_int8_kernels(machine), rounds, machine);
}

int mg_int8_has_dot(const struct mg_machine *machine)
{
    return mg_int8_kernels(machine)->has_dot;
}
