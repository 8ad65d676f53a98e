/* A part of minigoog.h, which includes it: networks as lists of prepared calls. */
#ifndef MG_MINIGOOG_PLAN_H
#define MG_MINIGOOG_PLAN_H

/* ---- a plan: calls prepared once, run many times (plan.c) ---- */

/* The kernels that a plan can call, and the settings that each reads. */
enum mg_kernel {
    MG_PLACE,             /* place */
    MG_CONV2D_DIRECT,     /* conv */
    MG_CONV2D_WINOGRAD,   /* conv */
    MG_DEPTHWISE,         /* depthwise */
    MG_MAX_POOL2D,        /* pool */
    MG_AVG_POOL2D,        /* pool */
    MG_ACTIVATION,        /* elementwise */
    MG_ADD,               /* elementwise */
    MG_COPY,              /* elementwise */
    MG_SOFTMAX,           /* elementwise: rows and c */
    MG_AFFINE,            /* affine */
    MG_CHANNEL_SHUFFLE,   /* elementwise; ldb: the number of groups */
    MG_SPARSE_CONV2D,     /* sparse */
    MG_QUANTIZE,          /* quantize */
    MG_DEQUANTIZE,        /* quantize */
    MG_PLACE_BYTES,       /* place; zeros */
    MG_COPY_BYTES,        /* elementwise */
    MG_INT8_CONV2D,       /* conv */
    MG_INT8_CONV2D_FLOAT, /* conv */
    MG_INT8_MAX_POOL2D,   /* pool */
    MG_INT8_AVG_POOL2D,   /* average */
    MG_TO_BF16,           /* elementwise */
    MG_FROM_BF16,         /* elementwise */
    MG_BF16_CONV2D,       /* conv */
    MG_BF16_CONV2D_FLOAT, /* conv */
    MG_BF16_MAX_POOL2D,   /* pool */
    MG_BF16_AVG_POOL2D,   /* pool */
    MG_INT8_CONV2D_PAIRS, /* conv */
    MG_LRN,               /* elementwise; ldb: the size */
    MG_QUANTIZE_IMAGE,    /* place; w: the factor and the code of 0 of each channel */
    MG_BF16_WINOGRAD      /* conv */
};

union mg_settings {
    struct mg_conv conv;
    struct mg_depthwise depthwise;
    struct mg_place place;
    struct mg_pool pool;
    struct mg_elementwise elementwise;
    struct mg_affine affine;
    struct mg_sparse_conv sparse;
    struct mg_quantize quantize;
    struct mg_int8_average average;
};

/* The memory of a plan consists of areas: packed weights, the arena, what each thread has for itself, the input, and from MG_OUTPUT on one
   area for each output. */
enum mg_area { MG_NOWHERE, MG_CONSTANTS, MG_ARENA, MG_PRIVATE, MG_INPUT, MG_OUTPUT };

/* An address: `offset` floats into an area, and `image` floats more for each image before; NULL in MG_NOWHERE. In MG_PRIVATE: of the
   thread that makes the call. */
struct mg_address {
    size_t area, offset, image;
};

/* One call of a kernel, with settings for one of `images`. Neighbours with the same number > 1 are a group: a thread makes them all for one
   image, then for another. w: packed weights, or factors; b: a bias that is not packed, the second input of a sum, or summands; residual: of
   a convolution.
   strip: 0, or the number of calls, from this one on, that are made together for some rows of one image, then for the next, with
   `strip_rows` rows of the last one's output; each reads what the one before it wrote, rows that lie in MG_PRIVATE (plan_strips.c). */
struct mg_call {
    int kernel; /* enum mg_kernel */
    size_t images, strip, strip_rows;
    struct mg_address x, w, b, y, residual;
    union mg_settings settings;
};

/* Where a run's memory is: the start of each area, by enum mg_area; inputs and constants are only read. MG_PRIVATE has `own` floats for each
   thread.  scratch: mg_plan_scratch floats. */
struct mg_memory {
    float *const *areas;
    size_t own;
    float *scratch;
};

/* Floats of scratch that the calls need. */
size_t mg_plan_scratch(const struct mg_call *calls, size_t n, const struct mg_machine *machine);
/* Makes n calls in order.  seconds [n] = the time of each call, for all images, or NULL; in a group the mean of its threads. */
void mg_run_plan(const struct mg_call *calls, size_t n, const struct mg_memory *memory, double *seconds, const struct mg_machine *machine);
/* How many rows of its output the call number `call` of the strip that begins at calls[0] has in memory at most. */
size_t mg_strip_rows(const struct mg_call *calls, size_t call);

#endif
