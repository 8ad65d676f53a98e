/* A part of minigoog.h, which includes it: convolution with sparse weights, and counts of co-occurrences. */
#ifndef MG_MINIGOOG_SPARSE_H
#define MG_MINIGOOG_SPARSE_H

/* ---- convolution with sparse weights ----
 *
 * A matrix of cout rows and kh * kw * cin columns, column (ky * kw + kx) * cin + c. `block` rows share their columns: 1 (CSR: each
 * weight has its own column), 4 (mg_sparse_conv2d only), or a multiple of 16; the last block is padded with zeros. Row i (of blocks) has the entries
 * starts[i] to starts[i + 1]; entry e has values[e, block] and multiplies the float at offsets[e]. starts, offsets and values are inputs,
 * bias is [cout] or NULL. */

/* y = activation(convolution of x, which contains its padding, with blocks of weights, plus bias, plus residual). offsets: in floats, from
   the first float of a window in x. residual: pixels as those of y, or NULL. (sparse_block.c) */
void mg_sparse_conv2d_block(const struct mg_conv *s, size_t block, const float *x, const int32_t *starts, const int32_t *offsets,
                            const float *values, const float *bias, const float *residual, float *y, const struct mg_machine *machine);
/* The same for CSR as in textbooks: one sum for each output, one multiply-add after the other. (sparse_textbook.c) */
void mg_sparse_conv2d_textbook(const struct mg_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                               const float *bias, float *y, const struct mg_machine *machine);

/* A convolution whose padding is not in x. y: n x out_h x out_w pixels of cout floats, out_h = (h + 2 * pad_h - kh) / stride_h + 1. */
struct mg_sparse_conv {
    size_t n, h, w, cin;
    size_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    size_t out_h, out_w, cout;
    size_t ldx, ldy; /* for a gradient, ldy is the leading dimension of dy */
    size_t block;
    size_t parts; /* CSR, forward only: of the channels, see mg_sparse_parts */
    /* Forward only: y = activation(convolution + residual). */
    int activation; /* enum mg_activation */
    float alpha, beta;
    size_t ldr; /* the leading dimension of the residual, where there is one */
};

/* Floats of the panel into which each thread packs a part of x; it must be below 2^31. The same for every n. (sparse_panel.c) */
size_t mg_sparse_panel(const struct mg_sparse_conv *s, const struct mg_machine *machine);
/* offsets[e] = where in the panel the float that columns[e] multiplies is, and 4 zeros after them. (sparse_panel.c) */
void mg_sparse_offsets(const struct mg_sparse_conv *s, size_t entries, const int32_t *columns, int32_t *offsets,
                       const struct mg_machine *machine);
/* How many parts of the channels mg_sparse_conv2d should go through one after the other, where rows are as long as `entries` entries make
   them: part i has channels [i, i + 1) * ceil(cin / parts). The same for every n. (sparse_panel.c) */
size_t mg_sparse_parts(const struct mg_sparse_conv *s, size_t entries, const struct mg_machine *machine);
/* Floats of scratch that mg_sparse_conv2d needs. (sparse.c) */
size_t mg_sparse_conv2d_scratch(const struct mg_sparse_conv *s, const struct mg_machine *machine);
/* y = activation(convolution of x with CSR weights, plus bias, plus residual); offsets as mg_sparse_offsets writes them. The entries of all
   rows that belong to a part follow one another: starts [parts * rows + 1]. residual: pixels as those of y, or NULL. (sparse.c) */
void mg_sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *values,
                      const float *bias, const float *residual, float *y, float *scratch, const struct mg_machine *machine);
/* Floats of scratch that mg_sparse_conv2d_weight needs for `entries` entries. (sparse_weight.c) */
size_t mg_sparse_conv2d_weight_scratch(const struct mg_sparse_conv *s, size_t entries, const struct mg_machine *machine);
/* dvalues [entries, block] = the gradient of values, CSR or blocks. (sparse_weight.c) */
void mg_sparse_conv2d_weight(const struct mg_sparse_conv *s, const float *x, const int32_t *starts, const int32_t *offsets, const float *dy,
                             float *dvalues, float *scratch, const struct mg_machine *machine);

/* ---- co-occurrences (cooccurrence.c) ---- */

/* Binary maps, n images x h x w pixels x c channels, as lists: channels[starts[p]] .. channels[starts[p + 1] - 1] are on at pixel p,
   in increasing order; starts has n * h * w + 1 entries. */
struct mg_maps {
    size_t n, h, w, c, radius;
};

/* counts[a, radius + dy, radius + dx, b] = the number of pixels (y, x) of all images where channel a is on and b is on at
   (y + dy, x + dx), for |dy|, |dx| <= radius.  counts: c x (2 radius + 1)^2 x c, dense; n * h * w < 2^31. */
void mg_cooccurrences(const struct mg_maps *s, const int32_t *starts, const int32_t *channels, int32_t *counts,
                      const struct mg_machine *machine);

#endif
