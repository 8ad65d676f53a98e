/* Every function that Python may call, and the structs that it fills in. cffi reads this file without the lines that start with '#':
 * declarations only, no macros.
 *
 * Feature maps are float32, n images x h x w pixels x c channels (NHWC). The channels of a pixel are contiguous, and `ldx` is the
 * leading dimension of x, as in BLAS: the number of floats from one pixel (or row) to the next. ldx = c where x is dense; ldx > c where
 * x is a slice of the channels of a wider map. Likewise ldy of y, lddy of dy, and so on. Arrays without a leading dimension are dense.
 *
 * The caller owns all memory, scratch included; no function allocates, frees or keeps a pointer, and there is no state between calls.
 * Outputs do not overlap inputs unless the function says that they may. Python checks every argument (src/minigoog/kernels/native); C
 * asserts the same in debug builds.
 * Results are the same, to the bit, for any number of threads. The file that defines a function is in parentheses.
 */
#ifndef MG_MINIGOOG_H
#define MG_MINIGOOG_H

#include <stddef.h>
#include <stdint.h>

/* ---- the machine (dispatch.c, threads.c, peak.c) ---- */

/* Instruction sets, the widest first. */
enum mg_isa { MG_AVX512, MG_AVX2, MG_NEON, MG_PLAIN, MG_ISAS };
enum { MG_MAX_THREADS = 1024 }; /* more may crash OpenMP, whatever OMP_NUM_THREADS says */

/* What a call runs on: the last argument of every function that computes, or that says how much memory another one needs. Scratch
   is measured and used with the same machine, and packed weights and offsets are made and used with the same instruction set. */
struct mg_machine {
    int isa;     /* enum mg_isa; one that mg_has_isa */
    int threads; /* at least 1 and at most MG_MAX_THREADS; 1 without OpenMP */
};

/* 1 if this build and this CPU have the instruction set, else 0. */
int mg_has_isa(int isa);
/* 1 if the kernels were compiled with OpenMP, else 0. */
int mg_has_openmp(void);
/* The number of threads that OpenMP would use: OMP_NUM_THREADS or the number of cores. 1 without OpenMP. */
int mg_default_threads(void);
/* Runs `rounds` rounds of independent multiply-adds on each thread, in registers; returns the number of floating-point operations of
   all threads together. Timing it measures the peak of the machine. */
double mg_peak(size_t rounds, const struct mg_machine *machine);

/* ---- convolution ---- */

/* Activations; activation.inc defines each. alpha and beta are settings; `kept` is the array of the forward pass that backward needs.
   MG_NONE          x                                    kept: none
   MG_RELU          max(0, x); NaN stays NaN             kept: y
   MG_CLIP          min(max(x, alpha), beta); NaN stays  kept: x
   MG_LEAKY_RELU    x where x > 0, else alpha * x        kept: x
   MG_HARD_SIGMOID  clip(alpha * x + beta, 0, 1)         kept: x
   MG_HARD_SWISH    x * clip(x + 3, 0, 6) / 6            kept: x
   MG_SIGMOID       1 / (1 + exp(-x))                    kept: y
   MG_SILU          x / (1 + exp(-x))                    kept: x
   MG_ELU           x or, below 0, alpha * (exp(x) - 1)   kept: x
   MG_TANH          alpha * tanh(beta * x)               kept: y */
// clang-format off
enum mg_activation { MG_NONE, MG_RELU, MG_CLIP, MG_LEAKY_RELU, MG_HARD_SIGMOID, MG_HARD_SWISH, MG_SIGMOID, MG_SILU, MG_ELU, MG_TANH,
                     MG_ACTIVATIONS };
// clang-format on

/* A convolution whose padding is already in x. A window is kh x kw pixels, dilation_h rows and dilation_w columns apart.
   y: n x out_h x out_w pixels of cout floats, out_h = (h - (kh - 1) * dilation_h - 1) / stride_h + 1. */
struct mg_conv {
    size_t n, h, w, cin;
    size_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    size_t out_h, out_w, cout;
    size_t ldx, ldy; /* for a gradient, ldy is the leading dimension of dy */
    size_t side;     /* winograd only: side x side outputs are computed together, 4 or 2 (5x5: 2, 7x7: 3) */
    /* Forward only: y = activation(convolution + residual). */
    int activation; /* enum mg_activation */
    float alpha, beta;
    size_t ldr, groups;  /* the leading dimension of the residual; of mg_conv2d_direct: convolutions of cin channels side by side, 0: one */
    ptrdiff_t top, left; /* winograd with windows of 3x3 and 5x5 only: padding that is not in x, which may be negative */
};

/* A map x on a larger or smaller canvas y: n x out_h x out_w x c, dense. */
struct mg_place {
    size_t n, h, w, c, ldx;
    ptrdiff_t top, left; /* pixel (i, j) of x goes to (top + i * step_h, left + j * step_w), or is dropped if that is outside */
    size_t step_h, step_w;
    size_t out_h, out_w;
};

/* y = x on a canvas of zeros: pads, crops (top, left < 0) and dilates (steps > 1). (im2col.c) */
void mg_place(const struct mg_place *s, const float *x, float *y, const struct mg_machine *machine);
/* columns [n * out_h * out_w, kh * kw * cin]: the window under each output pixel as a row. (im2col.c) */
void mg_im2col(const struct mg_conv *s, const float *x, float *columns, const struct mg_machine *machine);
/* The transpose of mg_im2col: dx [n, h, w, cin], dense = the sum of all entries of columns that mg_im2col reads there. (im2col.c) */
void mg_col2im(const struct mg_conv *s, const float *columns, float *dx, const struct mg_machine *machine);

/* Floats that mg_pack_weights writes for a matrix of k x cout. (pack.c) */
size_t mg_panels_size(size_t k, size_t cout, const struct mg_machine *machine);
/* Packs w [k, cout] and bias [cout] (or NULL) into the panels that mg_conv2d_direct reads. (pack.c) */
void mg_pack_weights(size_t k, size_t cout, const float *w, const float *bias, float *panels, const struct mg_machine *machine);
/* flipped [kh, kw, cout, cin] = w [kh, kw, cin, cout] flipped along kh and kw, cin and cout exchanged: the weights with which a
   convolution of dy gives dx. (pack.c) */
void mg_flip_weights(size_t kh, size_t kw, size_t cin, size_t cout, const float *w, float *flipped, const struct mg_machine *machine);

/* y = activation(convolution of x with the panels of each group, plus the packed bias, plus residual). residual: pixels as those of y, or
   NULL; it may be y. (conv_direct.c) */
void mg_conv2d_direct(const struct mg_conv *s, const float *x, const float *panels, const float *residual, float *y,
                      const struct mg_machine *machine);
/* Floats of scratch that mg_conv2d_weight_direct needs. (conv_weight.c) */
size_t mg_conv2d_weight_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* dw [kh, kw, cin, cout] = sum over output pixels of window x dy. (conv_weight.c) */
void mg_conv2d_weight_direct(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                             const struct mg_machine *machine);

/* Floats that mg_winograd_pack writes, for side 4 or 2 and taps (kh = kw) 3, side 2 and taps 5, or side 3 and
   taps 7. (conv_winograd.c) */
size_t mg_winograd_panels_size(size_t side, size_t taps, size_t cin, size_t cout, const struct mg_machine *machine);
/* Transforms w [taps, taps, cin, cout] and packs it into the panels that mg_conv2d_winograd reads. (conv_winograd.c) */
void mg_winograd_pack(size_t side, size_t taps, size_t cin, size_t cout, const float *w, float *panels, const struct mg_machine *machine);
/* Floats of scratch that mg_conv2d_winograd needs. (conv_winograd.c) */
size_t mg_conv2d_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* The convolution of stride 1 by F(4x4, 3x3), F(2x2, 3x3) or F(2x2, 5x5), or of a 7x7 window with stride 2, of a dense x, by F(3x3, 4x4),
   plus bias [cout] (or NULL). x is taken to be surrounded by zeros; for 7x7 windows it must contain them, extended to whole tiles:
   h >= stride * side * ceil(out_h / side) + kh + 1, and w 2 less. residual: as above.
   (conv_winograd.c) */
void mg_conv2d_winograd(const struct mg_conv *s, const float *x, const float *panels, const float *bias, const float *residual, float *y,
                        float *scratch, const struct mg_machine *machine);

/* Floats of scratch that mg_conv2d_weight_winograd needs. (conv_winograd_weight.c) */
size_t mg_conv2d_weight_winograd_scratch(const struct mg_conv *s, const struct mg_machine *machine);
/* The weight gradient of the same convolution by F(4x4, 3x3), F(2x2, 5x5) or F(3x3, 4x4); x as above.
   (conv_winograd_weight.c) */
void mg_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch,
                               const struct mg_machine *machine);

/* A depthwise convolution: y[.., j] from x[.., j] and w[.., j]. Windows as those of struct mg_pool; padding is not read. */
struct mg_depthwise {
    size_t n, h, w, c;
    size_t kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w; /* kh * kw <= 4096 */
    size_t out_h, out_w;
    size_t ldx, ldy; /* for a gradient, ldy is the leading dimension of dy */
    int activation;  /* these as of struct mg_conv */
    float alpha, beta;
    size_t ldr;
};

/* y = activation(depthwise convolution of x with w [kh, kw, c], plus bias [c] (or NULL), plus residual (or NULL)). (depthwise.c) */
void mg_depthwise(const struct mg_depthwise *s, const float *x, const float *w, const float *bias, const float *residual, float *y,
                  const struct mg_machine *machine);
/* Floats of scratch that mg_depthwise_weight needs. (depthwise.c) */
size_t mg_depthwise_weight_scratch(const struct mg_depthwise *s);
/* dw [kh, kw, c] = sum over output pixels of window x dy, channel by channel. (depthwise.c) */
void mg_depthwise_weight(const struct mg_depthwise *s, const float *x, const float *dy, float *dw, float *scratch,
                         const struct mg_machine *machine);

/* Floats of scratch that mg_column_sums needs. (elementwise.c) */
size_t mg_column_sums_scratch(size_t rows, size_t c);
/* sums[j] = sum over `rows` pixels of x[., j]: the gradient of a bias. (elementwise.c) */
void mg_column_sums(size_t rows, size_t c, const float *x, size_t ldx, float *scratch, float *sums, const struct mg_machine *machine);

/* ---- pooling (pool.c) ---- */

/* Windows of kh x kw pixels, dilation_h x dilation_w apart; the windows are stride_h x stride_w apart, the first one starting pad_top
   above and pad_left left of x. Padding is never read. x: n x h x w x c; y: n x out_h x out_w x c. For a gradient, ldx and ldy are the
   leading dimensions of dx and dy. */
struct mg_pool {
    size_t n, h, w, c;
    size_t kh, kw, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right, dilation_h, dilation_w;
    int count_padding; /* a mean divides by the pixels of the window inside x and its padding, not only by those inside x */
    size_t out_h, out_w;
    size_t ldx, ldy;
};

/* y = the maximum of each window; index [n, out_h, out_w, c] = the number row * w + column of the pixel that it came from, of
   type uint16_t if h * w <= 65536, else int32_t; or NULL where it is not needed. h * w < 2^31. */
void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, void *index, const struct mg_machine *machine);
/* dx = dy added at the pixels in `index`. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const void *index, float *dx, const struct mg_machine *machine);
/* y = the sum of each window's pixels inside x, divided by their number or as count_padding says. */
void mg_avg_pool2d(const struct mg_pool *s, const float *x, float *y, const struct mg_machine *machine);
/* dx = dy divided as going forward and given to the pixels of each window inside x, summed. */
void mg_avg_pool2d_backward(const struct mg_pool *s, const float *dy, float *dx, const struct mg_machine *machine);

/* ---- elementwise (elementwise.c) ---- */

/* Maps a, b and y as `rows` rows of c floats. */
struct mg_elementwise {
    size_t rows, c;
    size_t lda, ldb, ldy; /* ldb only where there is a second input */
    int activation;       /* enum mg_activation; not read by mg_copy */
    float alpha, beta;
};

/* y = activation of a. y may be a. */
void mg_activation(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine);
/* dx (ldy) = dy (ldb) times the derivative of the activation, from `kept` (lda). dx may be kept or dy. */
void mg_activation_backward(const struct mg_elementwise *s, const float *kept, const float *dy, float *dx,
                            const struct mg_machine *machine);
/* dz (ldy) = dy (ldb) where the output y (lda) of a ReLU is not 0, and sums[j] = the sum over the rows of dz[., j]: what
   mg_activation_backward and mg_column_sums, whose scratch it takes, compute, with the same bits. dz may be y or dy. */
void mg_relu_sums(const struct mg_elementwise *s, const float *y, const float *dy, float *dz, float *scratch, float *sums,
                  const struct mg_machine *machine);
/* y = activation(a + b). y may be a or b. */
void mg_add(const struct mg_elementwise *s, const float *a, const float *b, float *y, const struct mg_machine *machine);
/* y = a. They do not overlap. */
void mg_copy(const struct mg_elementwise *s, const float *a, float *y, const struct mg_machine *machine);

/* Factors, summands and an activation for the channels of n images x `rows` pixels x c channels. */
struct mg_affine {
    size_t n, rows, c;
    size_t ldx, lds, ldy; /* lds: from the factors of one image to those of the next; 0: all have the same */
    int activation;       /* enum mg_activation */
    float alpha, beta;
};

/* y = activation(x * scale + shift). scale: c floats for each image; shift: c floats, or NULL. y may be x. */
void mg_affine(const struct mg_affine *s, const float *x, const float *scale, const float *shift, float *y,
               const struct mg_machine *machine);
/* The channels of `groups` groups in turn: y[., i * groups + g] = a[., g * c / groups + i]. They do not overlap. */
void mg_channel_shuffle(const struct mg_elementwise *s, size_t groups, const float *a, float *y, const struct mg_machine *machine);
/* The widest window of mg_lrn. */
enum { MG_LRN_WIDEST = 31 };
/* y = x / (beta + alpha * the sum of the squares of the `size` channels around each)^(3/4): alpha and beta of s; an odd size. They do not
   overlap. (lrn.c) */
void mg_lrn(const struct mg_elementwise *s, size_t size, const float *x, float *y, const struct mg_machine *machine);
/* y[i] = x[i] * scale if the random number offset + i of the stream `seed` is at least `drop`, else 0; the numbers are 32 bits of
   Philox4x32-10 (Salmon et al. 2011), so that y does not depend on which thread computes it. n floats, dense; y may be x. (dropout.c) */
void mg_dropout(size_t n, uint64_t seed, uint64_t offset, uint32_t drop, float scale, const float *x, float *y,
                const struct mg_machine *machine);
/* One momentum step in place: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v, or, if `nesterov`,
   w = w - lr * (g + momentum * v). dw, v, w: n floats, dense; v and w are updated. */
void mg_sgd(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w,
            const struct mg_machine *machine);
/* A step of a running average, in place: average += share * (w - average). w, average: n floats, dense. */
void mg_average(size_t n, float share, const float *w, float *average, const struct mg_machine *machine);

/* ---- batch normalisation (batch_norm.c): `rows` pixels of c floats, rows >= 1; mean, variance, gamma, ... are c floats each ---- */

/* Floats of scratch that both functions need. */
size_t mg_batch_norm_scratch(size_t rows, size_t c);
/* Mean and (biased) variance of each channel, and y = (x - mean) * gamma / sqrt(variance + eps) + beta, and max(0, .) if relu. */
void mg_batch_norm(size_t rows, size_t c, const float *x, size_t ldx, const float *gamma, const float *beta, float eps, int relu,
                   float *scratch, float *mean, float *variance, float *y, size_t ldy, const struct mg_machine *machine);
/* The gradients of x, gamma and beta from that of y. With relu it is taken as 0 where mg_batch_norm of these is 0: a ReLU's output need
   not be kept. dx may be dy. */
void mg_batch_norm_backward(size_t rows, size_t c, const float *x, size_t ldx, const float *dy, size_t lddy, const float *mean,
                            const float *variance, const float *gamma, const float *beta, float eps, int relu, float *scratch,
                            float *dgamma, float *dbeta, float *dx, size_t lddx, const struct mg_machine *machine);

/* ---- softmax (softmax.c): n rows of c floats, dense, c >= 1 ---- */

/* y = exp(x) / sum(exp(x)), row by row. */
void mg_softmax(size_t n, size_t c, const float *x, float *y, const struct mg_machine *machine);
/* dx = y * (dy - sum(y * dy)), row by row. */
void mg_softmax_backward(size_t n, size_t c, const float *y, const float *dy, float *dx, const struct mg_machine *machine);
/* probabilities [n, c] = softmax(logits); losses[i] = -log(probability of labels[i]). labels [n], in [0, c). */
void mg_cross_entropy(size_t n, size_t c, const float *logits, const int64_t *labels, float *probabilities, float *losses,
                      const struct mg_machine *machine);
/* dlogits = scale * (probabilities - one_hot(labels)). */
void mg_cross_entropy_backward(size_t n, size_t c, const float *probabilities, const int64_t *labels, float scale, float *dlogits,
                               const struct mg_machine *machine);
#include "minigoog_bf16.h"
#include "minigoog_int8.h"
#include "minigoog_regions.h"
#include "minigoog_sparse.h"

#include "minigoog_plan.h"

#endif
