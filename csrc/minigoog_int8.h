/* A part of minigoog.h, which includes it: maps of bytes. */
#ifndef MG_MINIGOOG_INT8_H
#define MG_MINIGOOG_INT8_H

/* ---- eight bits (int8.c, int8_maps.c) ----
 *
 * A map of codes has one byte for each value: value = scale * (code - zero). Leading dimensions are in bytes. Sums of products are exact
 * integers. What is scaled by a float32 factor is rounded three times, each time to the nearest, ties to even: the sum to float32, the
 * product, and the product to a code. No multiply-add is fused, so that codes have the same bits on every instruction set. */

/* Words of 4 bytes that mg_int8_pack writes for the convolution s (ldx is read). */
size_t mg_int8_panels_size(const struct mg_conv *s, const struct mg_machine *machine);
/* Packs w [kh, kw, cin, cout], bias [cout] and factors [cout] of one group into the panels that mg_int8_conv2d reads. */
void mg_int8_pack(const struct mg_conv *s, const int8_t *w, const int32_t *bias, const float *factors, int32_t *panels,
                  const struct mg_machine *machine);
/* y = (sum of codes times weights, plus bias) times factor, but at least s->alpha and at most s->beta, as codes: rounded, in [0, 255].
   s as for mg_conv2d_direct, without residual and activation; kh * kw * cin * 255 * 127 and the bias must fit in 31 bits together. */
void mg_int8_conv2d(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, uint8_t *y, const struct mg_machine *machine);
/* The same without the rounding to codes; ldy is in floats. */
void mg_int8_conv2d_float(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, float *y, const struct mg_machine *machine);
/* mg_int8_conv2d with the same bits by products of 16 bits: 1x1 windows; and 3x3 windows of stride 1 with a quarter of the products, where
   255 times the sum of |w| of any output channel is below 2^25. Without dilation and groups, cin a multiple of 4.
   scratch: mg_int8_pairs_scratch words. */
void mg_int8_conv2d_pairs(const struct mg_conv *s, const uint8_t *x, const int32_t *panels, uint8_t *y, int32_t *scratch,
                          const struct mg_machine *machine);
size_t mg_int8_pairs_scratch(const struct mg_conv *s, const struct mg_machine *machine);

enum { MG_IMAGE_CHANNELS = 4 };

/* `rows` pixels of c values; one leading dimension counts floats, the other bytes. */
struct mg_quantize {
    size_t rows, c, ldx, ldy;
    float factor; /* codes: 1 / scale; values: scale */
    int32_t zero; /* the code of 0 */
};

/* y = the codes of x: x times factor, rounded, plus zero, in [0, 255]. The code of NaN is `zero`. */
void mg_quantize(const struct mg_quantize *s, const float *x, uint8_t *y, const struct mg_machine *machine);
/* y = the values of the codes x: (x - zero) times factor. */
void mg_dequantize(const struct mg_quantize *s, const uint8_t *x, float *y, const struct mg_machine *machine);

/* The codes of an image: the dense map x on a canvas like mg_place's, without steps and cuts, at most MG_IMAGE_CHANNELS channels. Each channel
   has a factor and a code of 0, which is between 0 and 255 and no integer in general: codes [2, c].
   y = x times factor, rounded to float32, plus the code of 0, rounded again, then to a code. Of NaN and of the padding: the code of 0. */
void mg_quantize_image(const struct mg_place *s, const float *x, const float *codes, uint8_t *y, const struct mg_machine *machine);

/* mg_place on a canvas of bytes with the value `fill`, without steps and cuts. */
void mg_place_bytes(const struct mg_place *s, int32_t fill, const uint8_t *x, uint8_t *y, const struct mg_machine *machine);

/* y = the largest code of each window. */
void mg_int8_max_pool2d(const struct mg_pool *s, const uint8_t *x, uint8_t *y, const struct mg_machine *machine);

/* An average pooling of codes; ldy is in floats. kh * kw < 2^23. */
struct mg_int8_average {
    struct mg_pool pool;
    float factor; /* scale */
};
/* y = the exact sum of each window's codes inside x, times factor / (their number, or as count_padding says). */
void mg_int8_avg_pool2d(const struct mg_int8_average *s, const uint8_t *x, float *y, const struct mg_machine *machine);

/* y = a: rows of c bytes. */
void mg_copy_bytes(const struct mg_elementwise *s, const uint8_t *a, uint8_t *y, const struct mg_machine *machine);

/* mg_peak for products of bytes: returns the number of products and sums of all threads together. */
double mg_int8_peak(size_t rounds, const struct mg_machine *machine);
/* How the machine multiplies bytes: 1 with an instruction for four products (VNNI, dot product), else 0. */
int mg_int8_has_dot(const struct mg_machine *machine);

#endif
