/* A network as a list of calls: one loop over steps that were prepared in advance. No arithmetic of its own. */
#include <assert.h>
#include <time.h>
#include "kernels.h"
#include "minigoog.h"

size_t mg_plan_scratch(const struct mg_step *steps, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        if (steps[i].kind == MG_WINOGRAD) {
            const size_t needed = mg_conv2d_winograd_scratch(&steps[i].conv);
            most = needed > most ? needed : most;
        }
    return most;
}

static float *place_of(float *const *areas, struct mg_at at)
{
    return at.area == MG_NOWHERE ? NULL : areas[at.area] + at.offset;
}

static void run_step(const struct mg_step *s, float *const *areas, float *scratch)
{
    const float *x = place_of(areas, s->x), *b = place_of(areas, s->b), *w = place_of(areas, s->w);
    float *y = place_of(areas, s->y);
    const struct mg_pool *p = &s->pool;
    const size_t rows = p->n * p->h * p->w;

    switch (s->kind) {
    case MG_PLACE:
        mg_place(p->n, p->h, p->w, p->c, x, p->x_pixel, (ptrdiff_t)p->pad_h, (ptrdiff_t)p->pad_w, 1, 1, p->out_h, p->out_w, y);
        break;
    case MG_DIRECT:
        mg_conv2d_direct(&s->conv, x, w, s->relu, y);
        break;
    case MG_WINOGRAD:
        mg_conv2d_winograd(&s->conv, x, w, b, s->relu, y, scratch);
        break;
    case MG_MAX_POOL:
        mg_max_pool2d(p, x, y, NULL);
        break;
    case MG_AVG_POOL:
        mg_avg_pool2d(p, x, y);
        break;
    case MG_RELU:
        mg_relu(rows, p->c, x, p->x_pixel, y, p->y_pixel);
        break;
    case MG_ADD:
        mg_add(rows, p->c, x, p->x_pixel, b, s->b_pixel, y, p->y_pixel);
        break;
    case MG_SOFTMAX:
        mg_softmax(rows, p->c, x, y);
        break;
    default:
        assert(!"a kind of step that plan.c knows");
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mg_run_plan(const struct mg_step *steps, size_t n, float *const *areas, float *scratch, double *seconds)
{
    double before = seconds ? now() : 0;
    for (size_t i = 0; i < n; i++) {
        run_step(&steps[i], areas, scratch);
        if (seconds) {
            const double after = now();
            seconds[i] = after - before;
            before = after;
        }
    }
}
