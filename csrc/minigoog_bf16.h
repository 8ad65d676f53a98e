/* A part of minigoog.h, which includes it: maps of bf16. */
#ifndef MG_MINIGOOG_BF16_H
#define MG_MINIGOOG_BF16_H

/* ---- bf16 (bf16.c) ----
 *
 * The upper half of a float32, as uint16_t. Leading dimensions are in values, but those of float32 maps in floats. Values become bf16 by
 * rounding to nearest, ties to even; numbers below 2^-126 become 0 with their sign, every NaN becomes 0x7fc0. */

/* Words of 4 bytes that mg_bf16_pack writes for the convolution s (ldx is read). */
size_t mg_bf16_panels_size(const struct mg_conv *s, const struct mg_machine *machine);
/* Packs w [kh, kw, cin, cout] in bf16 and bias [cout] (or NULL) of one group into the panels that mg_bf16_conv2d reads. */
void mg_bf16_pack(const struct mg_conv *s, const uint16_t *w, const float *bias, int32_t *panels, const struct mg_machine *machine);
/* y = bias plus products of x and weights, at least s->alpha and at most s->beta, NaN stays; in bf16. s as for mg_conv2d_direct, without
   residual and activation. For each pixel of the window, from its first channel pair on: the odd channel's product is added, the sum rounded
   to float32, then the even one's. What AVX512_BF16 multiplies is flushed to 0 below 2^-126, products and sums too. */
void mg_bf16_conv2d(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, uint16_t *y, const struct mg_machine *machine);
/* The same to float32. */
void mg_bf16_conv2d_float(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, float *y, const struct mg_machine *machine);

/* The same for windows of 3x3, of stride 1 and without gaps, by F(2x2, 3x3): two roundings more, of the transformed pixels and weights. x, y:
   bf16; bias [cout] or NULL. s->h, s->w: with the padding. */
void mg_bf16_conv2d_winograd(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, const float *bias, uint16_t *y,
                             float *scratch, const struct mg_machine *machine);
/* Words of 4 bytes of its panels, and floats of its scratch. */
size_t mg_bf16_winograd_size(size_t cin, size_t cout, const struct mg_machine *machine);
size_t mg_bf16_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* Packs transformed weights u [4, 4, cin, cout] in bf16 into panels. */
void mg_bf16_winograd_pack(size_t cin, size_t cout, const uint16_t *u, int32_t *panels, const struct mg_machine *machine);

/* y = x in bf16, or in float32: rows of c values (lda, ldy). */
void mg_to_bf16(const struct mg_elementwise *s, const float *x, uint16_t *y, const struct mg_machine *machine);
void mg_from_bf16(const struct mg_elementwise *s, const uint16_t *x, float *y, const struct mg_machine *machine);

/* y = the largest value of each window; NaN if there is one. Of x every NaN is positive, as mg_to_bf16 makes it. */
void mg_bf16_max_pool2d(const struct mg_pool *s, const uint16_t *x, uint16_t *y, const struct mg_machine *machine);
/* y = the mean of each window, summed in float32 from its first pixel on. */
void mg_bf16_avg_pool2d(const struct mg_pool *s, const uint16_t *x, float *y, const struct mg_machine *machine);

/* ---- bf16 in training (bf16_training.c, bf16_weight.c) ---- */

/* mg_bf16_pack of float32 weights w [kh, kw, cin, cout], rounded to bf16. */
void mg_bf16_pack_float(const struct mg_conv *s, const float *w, const float *bias, int32_t *panels, const struct mg_machine *machine);
/* y += what mg_bf16_conv2d_float writes. One group. */
void mg_bf16_conv2d_add(const struct mg_conv *s, const uint16_t *x, const int32_t *panels, float *y, const struct mg_machine *machine);
/* dw [kh, kw, cin, cout] = the weight gradient of the convolution s of x (ldx), padded, and dy (ldy): products of bf16 in float32 sums. Blocks of
   at most 256 pixels are summed by pairs of pixels of a row, the second pixel of a pair first, each sum rounded to float32, and the blocks' sums
   added up in parts. Of an odd number of pixels the last one's partner is the next of x, times 0: NaN if that is infinite.
   scratch: mg_bf16_conv2d_weight_scratch words. One group. */
void mg_bf16_conv2d_weight(const struct mg_conv *s, const uint16_t *x, const uint16_t *dy, float *dw, int32_t *scratch,
                           const struct mg_machine *machine);
size_t mg_bf16_conv2d_weight_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* The maps of mg_bf16_conv2d_winograd_4, which belong to the caller: x (ldx) in bf16, or, where that is NULL, in float32, without its padding,
   of which there are `top` pixels above and `left` pixels left of it (below 0: so many of x are cut off); bias [cout] or NULL; y (ldy) in bf16,
   or, where that is NULL, in float32, where `adds` adds to it. */
struct mg_bf16_operands {
    ptrdiff_t top, left;
    const uint16_t *x;
    const float *x_float, *bias;
    uint16_t *y;
    float *y_float;
    int adds;
};

/* y = the convolution s of 3x3 windows, of stride 1 and without gaps, by F(4x4, 3x3): activation of (sums + bias) + y. s->h, s->w: without
   padding; s->ldr: s->ldy. panels: mg_bf16_winograd_4_pack of w [3, 3, cin, cout]; scratch: so many floats. */
void mg_bf16_conv2d_winograd_4(const struct mg_conv *s, const struct mg_bf16_operands *a, const int32_t *panels, float *scratch,
                               const struct mg_machine *machine);
size_t mg_bf16_winograd_4_scratch(const struct mg_conv *s, const struct mg_machine *machine);
size_t mg_bf16_winograd_4_size(size_t cin, size_t cout, const struct mg_machine *machine);
void mg_bf16_winograd_4_pack(size_t cin, size_t cout, const float *w, int32_t *panels, const struct mg_machine *machine);

/* mg_conv2d_weight_winograd of 3x3 windows with products of bf16: both transforms are rounded to it. scratch:
   mg_bf16_conv2d_weight_winograd_scratch floats. */
void mg_bf16_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                                    const struct mg_machine *machine);
size_t mg_bf16_conv2d_weight_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* mg_place of maps of bf16, to bf16 or to float32. */
void mg_bf16_place(const struct mg_place *s, const uint16_t *x, uint16_t *y, const struct mg_machine *machine);
void mg_bf16_place_float(const struct mg_place *s, const uint16_t *x, float *y, const struct mg_machine *machine);
/* mg_relu_sums of y (lda) in bf16: dz (ldy) in float32, which may be dy (ldb), or, where dz is NULL, in bf16 in `halves`; sums [c] are those of
   float32. scratch: mg_column_sums_scratch floats. */
void mg_bf16_relu_sums(const struct mg_elementwise *s, const uint16_t *y, const float *dy, float *dz, uint16_t *halves, float *scratch,
                       float *sums, const struct mg_machine *machine);
/* mg_bf16_max_pool2d; index [n, out_h, out_w, c] = the number, in its window without padding, of the first pixel with the largest value. Windows of
   at most 256 pixels. */
void mg_bf16_max_pool2d_index(const struct mg_pool *s, const uint16_t *x, uint16_t *y, uint8_t *index, const struct mg_machine *machine);
/* dx [n, h, w, c], dense = its gradient: of each window dy (ldy) goes to the pixel of its index. Windows of at most 16x16 pixels. */
void mg_bf16_max_pool2d_backward(const struct mg_pool *s, const uint8_t *index, const float *dy, float *dx,
                                 const struct mg_machine *machine);

/* mg_peak for products of bf16. */
double mg_bf16_peak(size_t rounds, const struct mg_machine *machine);
/* Whether the machine multiplies bf16 by an instruction for two products (AVX512_BF16), without widening them first. */
int mg_bf16_has_dot(const struct mg_machine *machine);

#endif
