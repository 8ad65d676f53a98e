/* Runs a network as a list of prepared calls: one loop over them, no arithmetic. */
#include <assert.h>
#include <time.h>
#include "geometry.h"
#include "minigoog.h"

size_t mg_plan_scratch(const struct mg_call *calls, size_t n, const struct mg_machine *machine)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (calls[i].kernel == MG_CONV2D_WINOGRAD)
            most = mg_max(most, mg_conv2d_winograd_scratch(&calls[i].settings.conv, machine));
        else if (calls[i].kernel == MG_SPARSE_CONV2D)
            most = mg_max(most, mg_sparse_conv2d_scratch(&calls[i].settings.sparse, machine));
    return most;
}

static float *pointer_to(float *const *areas, struct mg_address at, size_t image)
{
    return at.area == MG_NOWHERE ? NULL : areas[at.area] + at.offset + image * at.image;
}

/* Packed weights: starts [rows of blocks + 1], offsets with the SPARSE_AHEAD after them, values. */
static void sparse_conv2d(const struct mg_sparse_conv *s, const float *x, const int32_t *w, const float *bias, const float *residual,
                          float *y, float *scratch, const struct mg_machine *machine)
{
    const size_t rows = mg_ceil_div(s->cout, s->block);
    const int32_t *offsets = w + rows + 1;
    const float *values = (const float *)(offsets + w[rows] + SPARSE_AHEAD);
    mg_sparse_conv2d(s, x, w, offsets, values, bias, residual, y, scratch, machine);
}

static void make_call(const struct mg_call *call, size_t image, float *const *areas, float *scratch, const struct mg_machine *machine)
{
    const float *x = pointer_to(areas, call->x, image), *w = pointer_to(areas, call->w, image), *b = pointer_to(areas, call->b, image);
    const float *residual = pointer_to(areas, call->residual, image);
    float *y = pointer_to(areas, call->y, image);
    const union mg_settings *s = &call->settings;

    switch (call->kernel) {
    case MG_PLACE:
        mg_place(&s->place, x, y, machine);
        break;
    case MG_CONV2D_DIRECT:
        mg_conv2d_direct(&s->conv, x, w, residual, y, machine);
        break;
    case MG_CONV2D_WINOGRAD:
        mg_conv2d_winograd(&s->conv, x, w, b, residual, y, scratch, machine);
        break;
    case MG_DEPTHWISE:
        mg_depthwise(&s->depthwise, x, w, b, residual, y, machine);
        break;
    case MG_MAX_POOL2D:
        mg_max_pool2d(&s->pool, x, y, NULL, machine);
        break;
    case MG_AVG_POOL2D:
        mg_avg_pool2d(&s->pool, x, y, machine);
        break;
    case MG_ACTIVATION:
        mg_activation(&s->elementwise, x, y, machine);
        break;
    case MG_ADD:
        mg_add(&s->elementwise, x, b, y, machine);
        break;
    case MG_COPY:
        mg_copy(&s->elementwise, x, y, machine);
        break;
    case MG_SOFTMAX:
        mg_softmax(s->elementwise.rows, s->elementwise.c, x, y, machine);
        break;
    case MG_AFFINE:
        mg_affine(&s->affine, x, w, b, y, machine);
        break;
    case MG_CHANNEL_SHUFFLE:
        mg_channel_shuffle(&s->elementwise, s->elementwise.ldb, x, y, machine);
        break;
    case MG_SPARSE_CONV2D:
        sparse_conv2d(&s->sparse, x, (const int32_t *)w, b, residual, y, scratch, machine);
        break;
    default:
        assert(!"a kernel that plan.c knows");
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The number of calls, of at most n, that are made together for each image. */
static size_t together(const struct mg_call *calls, size_t n)
{
    size_t count = 1;
    while (calls->images > 1 && count < n && calls[count].images == calls->images)
        count++;
    return count;
}

void mg_run_plan(const struct mg_call *calls, size_t n, float *const *areas, float *scratch, double *seconds,
                 const struct mg_machine *machine)
{
    double before = seconds ? now() : 0;
    for (size_t i = 0; seconds && i < n; i++)
        seconds[i] = 0;
    for (size_t first = 0, count; first < n; first += count) {
        count = together(calls + first, n - first);
        for (size_t j = 0; j < count * calls[first].images; j++) {
            const size_t i = first + j % count;
            make_call(&calls[i], j / count, areas, scratch, machine);
            if (seconds) {
                const double after = now();
                seconds[i] += after - before;
                before = after;
            }
        }
    }
}
