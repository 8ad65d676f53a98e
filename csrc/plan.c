/* Runs a network as a list of prepared calls: loops over them, no arithmetic.
 *
 * In a batch the maps of all images leave the caches between two calls, so a thread takes an image through a group of calls. An image
 * meets the same kernels with the same settings on one thread and on several, so its bits are the same.
 */
#include <assert.h>
#include <string.h>
#include <time.h>
#include "geometry.h"
#include "parallel.h"
#include "plan.h"

enum { IMAGES_PER_THREAD = 4 }; /* from so many on, threads may have unequal numbers of them */

static size_t scratch_of(const struct mg_call *call, const struct mg_machine *machine)
{
    switch (call->kernel) {
    case MG_CONV2D_WINOGRAD:
        return mg_conv2d_winograd_scratch(&call->settings.conv, machine);
    case MG_BF16_WINOGRAD:
        return mg_bf16_winograd_scratch(&call->settings.conv, machine);
    case MG_INT8_CONV2D_PAIRS:
        return mg_int8_pairs_scratch(&call->settings.conv, machine);
    case MG_SPARSE_CONV2D:
        return call->settings.sparse.block > SPARSE_ROWS ? 0 : mg_sparse_conv2d_scratch(&call->settings.sparse, machine);
    default:
        return 0;
    }
}

/* As much for each thread as a call needs that all of them make, or, in a group, one of them. */
size_t mg_plan_scratch(const struct mg_call *calls, size_t n, const struct mg_machine *machine)
{
    const struct mg_machine alone = {machine->isa, 1};
    const size_t threads = (size_t)machine->threads;
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = mg_max(
            most, mg_max(mg_ceil_div(scratch_of(&calls[i], machine), threads), calls[i].images > 1 ? scratch_of(&calls[i], &alone) : 0));
    return most * threads;
}

/* A sparse convolution of a map that contains its padding. */
static struct mg_conv over_windows(const struct mg_sparse_conv *s)
{
    assert(s->pad_h == 0 && s->pad_w == 0);
    return (struct mg_conv){.n = s->n,
                            .h = s->h,
                            .w = s->w,
                            .cin = s->cin,
                            .kh = s->kh,
                            .kw = s->kw,
                            .stride_h = s->stride_h,
                            .stride_w = s->stride_w,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .out_h = s->out_h,
                            .out_w = s->out_w,
                            .cout = s->cout,
                            .ldx = s->ldx,
                            .ldy = s->ldy,
                            .activation = s->activation,
                            .alpha = s->alpha,
                            .beta = s->beta,
                            .ldr = s->ldr};
}

/* Packed weights: starts [parts * rows of blocks + 1], offsets with the SPARSE_AHEAD after them, and from a multiple of MAX_LANES on values. */
static void sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *w, const float *bias, const float *residual,
                          float *y, float *scratch, const struct mg_machine *machine)
{
    const size_t rows = s->parts * mg_ceil_div(s->cout, s->block), end = rows + 1 + (size_t)w[rows] + SPARSE_AHEAD;
    const int32_t *offsets = w + rows + 1;
    const float *values = (const float *)(w + mg_round_up(end, MAX_LANES));
    if (s->block > SPARSE_ROWS) {
        const struct mg_conv conv = over_windows(s);
        mg_sparse_conv2d_block(&conv, s->block, x, w, offsets, values, bias, residual, y, machine);
    } else {
        mg_sparse_conv2d(s, x, w, offsets, values, bias, residual, y, scratch, machine);
    }
}

static void make_byte_call(int kernel, const union mg_settings *s, const struct operands *o, float *scratch,
                           const struct mg_machine *machine)
{
    const uint8_t *x = (const uint8_t *)o->x;
    uint8_t *y = (uint8_t *)o->y;
    switch (kernel) {
    case MG_QUANTIZE:
        mg_quantize(&s->quantize, o->x, y, machine);
        break;
    case MG_QUANTIZE_IMAGE:
        mg_quantize_image(&s->place, o->x, o->w, y, machine);
        break;
    case MG_DEQUANTIZE:
        mg_dequantize(&s->quantize, x, o->y, machine);
        break;
    case MG_PLACE_BYTES:
        mg_place_bytes(&s->place, 0, x, y, machine);
        break;
    case MG_COPY_BYTES:
        mg_copy_bytes(&s->elementwise, x, y, machine);
        break;
    case MG_INT8_CONV2D:
        mg_int8_conv2d(&s->conv, x, (const int32_t *)o->w, y, machine);
        break;
    case MG_INT8_CONV2D_FLOAT:
        mg_int8_conv2d_float(&s->conv, x, (const int32_t *)o->w, o->y, machine);
        break;
    case MG_INT8_CONV2D_PAIRS:
        mg_int8_conv2d_pairs(&s->conv, x, (const int32_t *)o->w, y, (int32_t *)scratch, machine);
        break;
    case MG_INT8_MAX_POOL2D:
        mg_int8_max_pool2d(&s->pool, x, y, machine);
        break;
    case MG_INT8_AVG_POOL2D:
        mg_int8_avg_pool2d(&s->average, x, o->y, machine);
        break;
    default:
        mg_make_bf16_call(kernel, s, o, scratch, machine);
    }
}

void mg_make_call(int kernel, const union mg_settings *s, const struct operands *o, float *scratch, const struct mg_machine *machine)
{
    switch (kernel) {
    case MG_PLACE:
        mg_place(&s->place, o->x, o->y, machine);
        break;
    case MG_CONV2D_DIRECT:
        mg_conv2d_direct(&s->conv, o->x, o->w, o->residual, o->y, machine);
        break;
    case MG_CONV2D_WINOGRAD:
        mg_conv2d_winograd(&s->conv, o->x, o->w, o->b, o->residual, o->y, scratch, machine);
        break;
    case MG_DEPTHWISE:
        mg_depthwise(&s->depthwise, o->x, o->w, o->b, o->residual, o->y, machine);
        break;
    case MG_MAX_POOL2D:
        mg_max_pool2d(&s->pool, o->x, o->y, NULL, machine);
        break;
    case MG_AVG_POOL2D:
        mg_avg_pool2d(&s->pool, o->x, o->y, machine);
        break;
    case MG_ACTIVATION:
        mg_activation(&s->elementwise, o->x, o->y, machine);
        break;
    case MG_ADD:
        mg_add(&s->elementwise, o->x, o->b, o->y, machine);
        break;
    case MG_COPY:
        mg_copy(&s->elementwise, o->x, o->y, machine);
        break;
    case MG_SOFTMAX:
        mg_softmax(s->elementwise.rows, s->elementwise.c, o->x, o->y, machine);
        break;
    case MG_AFFINE:
        mg_affine(&s->affine, o->x, o->w, o->b, o->y, machine);
        break;
    case MG_CHANNEL_SHUFFLE:
        mg_channel_shuffle(&s->elementwise, s->elementwise.ldb, o->x, o->y, machine);
        break;
    case MG_LRN:
        mg_lrn(&s->elementwise, s->elementwise.ldb, o->x, o->y, machine);
        break;
    case MG_SPARSE_CONV2D:
        sparse_conv2d(&s->sparse, o->x, (const int32_t *)o->w, o->b, o->residual, o->y, scratch, machine);
        break;
    default:
        make_byte_call(kernel, s, o, scratch, machine);
    }
}

double mg_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mg_add_time(double *sum, double *before, int threads)
{
    const double after = mg_now(), more = (after - *before) / threads;
    uint64_t bits, wanted;
    __atomic_load((uint64_t *)sum, &bits, __ATOMIC_RELAXED);
    do {
        double total;
        memcpy(&total, &bits, sizeof total);
        total += more;
        memcpy(&wanted, &total, sizeof wanted);
    } while (!__atomic_compare_exchange((uint64_t *)sum, &bits, &wanted, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    *before = after;
}

/* Makes `n` calls for one image. seconds: of each, or NULL; the threads that run such calls at the same time share it. */
static void run_calls(const struct mg_call *calls, size_t n, size_t image, const struct run *run, double *seconds, int threads)
{
    double before = seconds ? mg_now() : 0;
    for (size_t i = 0; i < n; i += mg_max(calls[i].strip, 1)) {
        if (calls[i].strip) {
            mg_run_strip(&calls[i], image, run, seconds ? seconds + i : NULL, threads);
            before = seconds ? mg_now() : 0;
        } else {
            const struct operands o = mg_operands(run, &calls[i], image);
            mg_make_call(calls[i].kernel, &calls[i].settings, &o, run->scratch, run->machine);
            if (seconds)
                mg_add_time(&seconds[i], &before, threads);
        }
    }
}

/* The number of neighbouring calls, of at most n, that are for as many images as the first. */
static size_t group_of(const struct mg_call *calls, size_t n)
{
    size_t count = 1;
    while (count < n && calls[count].images == calls->images)
        count++;
    return count;
}

/* Makes a group of calls: each thread takes whole images, or where that would leave threads without work, all of them share each call. */
static void run_group(const struct mg_call *calls, size_t n, const struct run *run, double *seconds)
{
    const size_t images = calls->images, threads = (size_t)run->machine->threads;
    if (images == 1 || (images % threads && images < IMAGES_PER_THREAD * threads)) {
        for (size_t image = 0; image < images; image++)
            run_calls(calls, n, image, run, seconds, 1);
        return;
    }
    const struct mg_machine alone = {run->machine->isa, 1};
    PARALLEL_FOR(image, images, SERIAL_WORK, run->machine) {
        const struct run one = mg_run_of(run, (size_t)MG_THREAD(), &alone);
        run_calls(calls, n, image, &one, seconds, run->machine->threads);
    }
}

void mg_run_plan(const struct mg_call *calls, size_t n, const struct mg_memory *memory, double *seconds, const struct mg_machine *machine)
{
    const size_t scratch = mg_plan_scratch(calls, n, machine) / (size_t)machine->threads;
    const struct run run = {memory->areas, memory->areas[MG_PRIVATE], memory->scratch, memory->own, scratch, machine};
    for (size_t i = 0; seconds && i < n; i++)
        seconds[i] = 0;
    for (size_t first = 0, count; first < n; first += count) {
        count = group_of(calls + first, n - first);
        run_group(calls + first, count, &run, seconds ? seconds + first : NULL);
    }
}
