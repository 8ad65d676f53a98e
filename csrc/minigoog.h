/* Every function that Python may call. cffi reads this file: no macros, nothing but declarations.
 *
 * Feature maps are float32, n images x h x w pixels x c channels (NHWC). Channels of a pixel are contiguous; pixels are evenly
 * spaced, `_pixel` floats apart, so that a map may be a slice of the channels of a wider one. Everything else is dense.
 * All memory belongs to the caller, and nothing is kept after a call. Inputs and outputs do not overlap unless it says so.
 * Python checks every argument (src/minigoog/kernels/native); C asserts the same in debug builds. Results do not depend on
 * the number of threads, to the bit.
 */
#include <stddef.h>
#include <stdint.h>

/* ---- the machine (dispatch.c) ---- */

/* The instruction set in use: "avx512", "avx2", "neon" or "plain". Static memory. */
const char *mg_isa(void);
/* Uses the named instruction set from now on. 0, or -1 if this CPU or build does not have it. Not while kernels run. */
int mg_set_isa(const char *name);
/* Threads that kernels use; at first OMP_NUM_THREADS or the number of cores. Always 1 without OpenMP. */
int mg_threads(void);
void mg_set_threads(int threads);
/* 1 if the kernels were compiled with OpenMP. */
int mg_has_openmp(void);

/* Runs `rounds` rounds of independent multiply-adds on each thread, out of registers; returns how many floating-point operations
   that was, all threads together. Timing it measures the peak of the machine. */
double mg_peak(size_t rounds);

/* ---- convolution ---- */

/* One convolution whose padding is already in x. y: n x out_h x out_w pixels of cout floats, out_h = (h - kh) / stride_h + 1. */
struct mg_conv {
    size_t n, h, w, cin;
    size_t kh, kw, stride_h, stride_w;
    size_t out_h, out_w, cout;
    size_t x_pixel, y_pixel; /* floats from one pixel to the next; x_pixel = cin unless kw = 1 */
    size_t side;             /* winograd: of the square of outputs of a tile, 4 or 2 (5x5: 2); nobody else reads it */
};

/* Copies x onto a canvas of zeros: pixel (i, j) goes to (top + i * step_h, left + j * step_w), or nowhere if that is outside.
   Pads, crops (top, left < 0) and dilates.  y: n x y_h x y_w x c, dense. (im2col.c) */
void mg_place(size_t n, size_t h, size_t w, size_t c, const float *x, size_t x_pixel, ptrdiff_t top, ptrdiff_t left,
              size_t step_h, size_t step_w, size_t y_h, size_t y_w, float *y);
/* columns: one row for each output pixel, kh * kw * cin floats: the window under it. (im2col.c) */
void mg_im2col(const struct mg_conv *s, const float *x, float *columns);
/* The transpose of mg_im2col: dx (dense, cin floats a pixel) = the sum of all columns' entries that came from there. (im2col.c) */
void mg_col2im(const struct mg_conv *s, const float *columns, float *dx);

/* Floats that mg_pack_weights writes for a matrix of k x cout. (pack.c) */
size_t mg_panels_size(size_t k, size_t cout);
/* Lays w [k, cout] and bias [cout] (or NULL) into the panels that mg_conv2d_direct reads. (pack.c) */
void mg_pack_weights(size_t k, size_t cout, const float *w, const float *bias, float *panels);
/* turned [kh, kw, cout, cin] = w [kh, kw, cin, cout] upside down, left to right and transposed: the weights with which a
   convolution of dy gives dx. (pack.c) */
void mg_turn_weights(size_t kh, size_t kw, size_t cin, size_t cout, const float *w, float *turned);

/* y = convolution of x with the packed weights, plus the packed bias, and max(0, .) if relu. (conv_direct.c) */
void mg_conv2d_direct(const struct mg_conv *s, const float *x, const float *panels, int relu, float *y);
/* Floats of scratch that mg_conv2d_weight_direct needs with the present number of threads. (conv_weight.c) */
size_t mg_conv2d_weight_scratch(const struct mg_conv *s);
/* dw [kh, kw, cin, cout] = sum over output pixels of window x dy. y_pixel of `s` is dy's. (conv_weight.c) */
void mg_conv2d_weight_direct(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch);

/* Floats that mg_winograd_pack writes; side 4 or 2, taps 3, or side 2, taps 5. (conv_winograd.c) */
size_t mg_winograd_panels_size(size_t side, size_t taps, size_t cin, size_t cout);
/* Transforms w [taps, taps, cin, cout] and lays it into the panels that mg_conv2d_winograd reads. (conv_winograd.c) */
void mg_winograd_pack(size_t side, size_t taps, size_t cin, size_t cout, const float *w, float *panels);
/* Floats of scratch that mg_conv2d_winograd needs with the present number of threads. (conv_winograd.c) */
size_t mg_conv2d_winograd_scratch(const struct mg_conv *s);
/* The convolution of stride 1 by F(4x4, 3x3), F(2x2, 3x3) or F(2x2, 5x5); bias [cout] or NULL. x must have its padding and go on (with
   zeros) to whole tiles: h >= side * ceil(out_h / side) + kh - 1, and w likewise; x_pixel may be any distance. (conv_winograd.c) */
void mg_conv2d_winograd(const struct mg_conv *s, const float *x, const float *panels, const float *bias, int relu, float *y, float *scratch);

/* Floats of scratch that mg_conv2d_weight_winograd needs. (conv_winograd_weight.c) */
size_t mg_conv2d_weight_winograd_scratch(const struct mg_conv *s);
/* The weight gradient of the same convolution by F(4x4, 3x3) or F(2x2, 5x5), x as above for side 4 or 2; y_pixel of `s` is dy's. (conv_winograd_weight.c) */
void mg_conv2d_weight_winograd(const struct mg_conv *s, const float *x, const float *dy, float *dw, float *scratch);

/* Floats of scratch that mg_column_sums needs. (elementwise.c) */
size_t mg_column_sums_scratch(size_t rows, size_t c);
/* sums[j] = sum over `rows` pixels of x[., j]: the gradient of a bias. (elementwise.c) */
void mg_column_sums(size_t rows, size_t c, const float *x, size_t x_pixel, float *scratch, float *sums);

/* ---- convolution with sparse weights ----
 *
 * A matrix of cout rows and kh * kw * cin columns, column (ky * kw + kx) * cin + c. `block` rows share their columns: 1 (CSR: a weight of
 * its own each), or a multiple of 16; the last block is filled up with zeros. Row i (of blocks) has entries starts[i] to starts[i + 1]; entry
 * e has values[e, block], and offsets[e] says where that lies which it multiplies. */

/* y = convolution of x, padding and all, with blocks of weights, plus bias [cout] (or NULL), and max(0, .) if relu. offsets: floats
   from the begin of a window in x. (sparse_block.c) */
void mg_sparse_conv2d_block(const struct mg_conv *s, size_t block, const float *x, const int32_t *starts, const int32_t *offsets,
                            const float *values, const float *bias, int relu, float *y);
/* The same for CSR as a textbook has it: a sum for each output, one multiply-add after the other. (sparse_textbook.c) */
void mg_sparse_conv2d_textbook(const struct mg_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                               const float *bias, int relu, float *y);

/* One convolution whose padding is not in x. y: n x out_h x out_w pixels of cout floats, out_h = (h + 2 * pad_h - kh) / stride_h + 1. */
struct mg_sparse_conv {
    size_t n, h, w, cin;
    size_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    size_t out_h, out_w, cout;
    size_t x_pixel, y_pixel; /* y's, or dy's */
    size_t block;
};

/* Floats of the panel into which a thread lays a part of x; it must be below 2^31. The same for every n. (sparse_panel.c) */
size_t mg_sparse_panel(const struct mg_sparse_conv *s);
/* offsets[e] = where in the panel that begins which column columns[e] multiplies, for the present instruction set. (sparse_panel.c) */
void mg_sparse_offsets(const struct mg_sparse_conv *s, size_t entries, const int32_t *columns, int32_t *offsets);
/* Floats of scratch that mg_sparse_conv2d needs with the present number of threads. (sparse.c) */
size_t mg_sparse_conv2d_scratch(const struct mg_sparse_conv *s);
/* y = convolution of x with CSR weights, plus bias [cout] (or NULL), and max(0, .) if relu. (sparse.c) */
void mg_sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                      const float *bias, int relu, float *y, float *scratch);
/* Floats of scratch that mg_sparse_conv2d_weight needs for so many entries with the present number of threads. (sparse_weight.c) */
size_t mg_sparse_conv2d_weight_scratch(const struct mg_sparse_conv *s, size_t entries);
/* dvalues [entries, block] = the gradient of values, CSR or blocks. (sparse_weight.c) */
void mg_sparse_conv2d_weight(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *dy,
                             float *dvalues, float *scratch);

/* ---- co-occurrences (cooccurrence.c) ---- */

/* Binary maps, n images x h x w pixels x c channels, as lists: channels[starts[p]] .. channels[starts[p + 1] - 1] are on at pixel p,
   increasing; starts has n * h * w + 1 entries. */
struct mg_maps {
    size_t n, h, w, c, radius;
};

/* counts[a, radius + dy, radius + dx, b] = at how many pixels (y, x) of all images channel a is on and b at (y + dy, x + dx), for
   |dy|, |dx| <= radius.  counts: c x (2 radius + 1)^2 x c, dense; n * h * w < 2^31. */
void mg_cooccurrences(const struct mg_maps *s, const int32_t *starts, const int32_t *channels, int32_t *counts);

/* ---- pooling (pool.c) ---- */

/* Windows of kh x kw pixels, stride_h x stride_w apart, the first pad_h above and pad_w left of x. Padding is never read. */
struct mg_pool {
    size_t n, h, w, c;
    size_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    size_t out_h, out_w;
    size_t x_pixel, y_pixel;
};

/* y = each window's maximum; index (dense, c a pixel) = number y * w + x of the pixel that it came from, or NULL
   where nobody wants to know. h * w < 2^31. */
void mg_max_pool2d(const struct mg_pool *s, const float *x, float *y, int32_t *index);
/* dx (x_pixel apart) = dy (y_pixel apart) sent to the pixels in `index`. */
void mg_max_pool2d_backward(const struct mg_pool *s, const float *dy, const int32_t *index, float *dx);
/* y = each window's mean over the pixels that are inside x. */
void mg_avg_pool2d(const struct mg_pool *s, const float *x, float *y);
void mg_avg_pool2d_backward(const struct mg_pool *s, const float *dy, float *dx);

/* ---- element by element (elementwise.c): `rows` rows of c floats; the output may be one of the inputs ---- */

void mg_relu(size_t rows, size_t c, const float *x, size_t x_pixel, float *y, size_t y_pixel);
/* dx = dy where y > 0, else 0. */
void mg_relu_backward(size_t rows, size_t c, const float *y, size_t y_pixel, const float *dy, size_t dy_pixel, float *dx, size_t dx_pixel);
/* y = a + b. */
void mg_add(size_t rows, size_t c, const float *a, size_t a_pixel, const float *b, size_t b_pixel, float *y, size_t y_pixel);
/* y = gain * tanh(slope * x). n floats, dense. */
void mg_tanh(size_t n, float gain, float slope, const float *x, float *y);
/* y[i] = x[i] * scale if random number offset + i of the stream `seed` is at least `drop`, else 0; the numbers are 32 bits of
   Philox4x32-10 (Salmon et al. 2011), so that y does not depend on who computes it. n floats, dense. (dropout.c) */
void mg_dropout(size_t n, uint64_t seed, uint64_t offset, uint32_t drop, float scale, const float *x, float *y);
/* One momentum step in place: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v, or, if `nesterov`,
   w = w - lr * (g + momentum * v). n floats, dense. */
void mg_sgd(size_t n, float lr, float momentum, float weight_decay, int nesterov, const float *dw, float *v, float *w);

/* ---- batch normalisation (batch_norm.c): `rows` pixels of c floats, rows >= 1; mean, variance, scale, ... are c floats each ---- */

/* Floats of scratch that mg_batch_norm_moments and mg_batch_norm_sums need. */
size_t mg_batch_norm_scratch(size_t rows, size_t c);
/* Mean and (biased) variance of each channel. */
void mg_batch_norm_moments(size_t rows, size_t c, const float *x, size_t x_pixel, float *scratch, float *mean, float *variance);
/* y = (x - mean) * scale + shift, and max(0, .) if relu. */
void mg_batch_norm(size_t rows, size_t c, const float *x, size_t x_pixel, const float *mean, const float *scale, const float *shift,
                   int relu, float *y, size_t y_pixel);
/* sum_dz = sum of dz, sum_dzx = sum of dz * (x - mean), where dz is dy, but 0 where y (of a ReLU; or NULL) is not above 0. */
void mg_batch_norm_sums(size_t rows, size_t c, const float *x, size_t x_pixel, const float *y, size_t y_pixel, const float *dy,
                        size_t dy_pixel, const float *mean, float *scratch, float *sum_dz, float *sum_dzx);
/* dx (dense) = factors[0] * dz + factors[1] * (x - mean) + factors[2]; factors [3, c]. */
void mg_batch_norm_backward(size_t rows, size_t c, const float *x, size_t x_pixel, const float *y, size_t y_pixel, const float *dy,
                            size_t dy_pixel, const float *mean, const float *factors, float *dx);

/* ---- softmax (softmax.c): n rows of c floats, dense, c >= 1 ---- */

void mg_softmax(size_t n, size_t c, const float *x, float *y);
/* dx = y * (dy - sum(y * dy)), row by row. */
void mg_softmax_backward(size_t n, size_t c, const float *y, const float *dy, float *dx);
/* probabilities = softmax(logits); losses[i] = -log(probability of labels[i]). labels in [0, c). */
void mg_cross_entropy(size_t n, size_t c, const float *logits, const int64_t *labels, float *probabilities, float *losses);
/* dlogits = scale * (probabilities - one_hot(labels)). */
void mg_cross_entropy_backward(size_t n, size_t c, const float *probabilities, const int64_t *labels, float scale, float *dlogits);

/* ---- a plan: calls prepared once, run many times (plan.c) ---- */

enum mg_kind { MG_PLACE, MG_DIRECT, MG_WINOGRAD, MG_MAX_POOL, MG_AVG_POOL, MG_RELU, MG_ADD, MG_SOFTMAX };

/* The memory of a plan lies in areas: packed weights, the arena, the input, and from MG_OUTPUT on one area for each output. */
enum mg_area { MG_NOWHERE, MG_CONSTANTS, MG_ARENA, MG_INPUT, MG_OUTPUT };

/* Where a map begins: `offset` floats into an area; in MG_NOWHERE it is NULL. */
struct mg_at {
    size_t area, offset;
};

/* One call. A convolution is described by `conv`, its panels are at w; anything else by the fields of `pool` that it has:
   place's canvas is out_h x out_w with x at (pad_h, pad_w); relu, add and softmax have n * h * w rows of c floats. */
struct mg_step {
    int kind, relu;
    struct mg_at x, w, b, y; /* b: winograd's bias, or add's second map, its pixels b_pixel floats apart */
    struct mg_conv conv;
    struct mg_pool pool;
    size_t b_pixel;
};

/* Floats of scratch that these steps need with the present number of threads. */
size_t mg_plan_scratch(const struct mg_step *steps, size_t n);
/* Runs n steps in order. areas: where each area begins, by enum mg_area; maps of one step do not overlap, inputs and constants
   are only read.  scratch: mg_plan_scratch floats.  seconds [n]: takes how long each step took, or NULL. */
void mg_run_plan(const struct mg_step *steps, size_t n, float *const *areas, float *scratch, double *seconds);
