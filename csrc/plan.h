/* What the files of a plan share: one call, and the memory of the thread that makes it. */
#ifndef MG_PLAN_H
#define MG_PLAN_H

#include <stddef.h>
#include "minigoog.h"

/* A part of a run on some threads: where their memory is. */
struct run {
    float *const *areas;
    float *own, *scratch; /* of the first of these threads */
    size_t own_size, scratch_size;
    const struct mg_machine *machine;
};

static inline float *mg_pointer_to(const struct run *run, struct mg_address at, size_t image)
{
    if (at.area == MG_NOWHERE)
        return NULL;
    return (at.area == MG_PRIVATE ? run->own : run->areas[at.area]) + at.offset + image * at.image;
}

/* The operands of a call. */
struct operands {
    const float *x, *w, *b, *residual;
    float *y;
};

static inline struct operands mg_operands(const struct run *run, const struct mg_call *call, size_t image)
{
    return (struct operands){mg_pointer_to(run, call->x, image), mg_pointer_to(run, call->w, image), mg_pointer_to(run, call->b, image),
                             mg_pointer_to(run, call->residual, image), mg_pointer_to(run, call->y, image)};
}

/* The same run as seen by thread number `thread`, which makes whole calls alone on the machine `alone`. */
static inline struct run mg_run_of(const struct run *run, size_t thread, const struct mg_machine *alone)
{
    struct run one = *run;
    one.own += thread * run->own_size;
    one.scratch += thread * run->scratch_size;
    one.machine = alone;
    return one;
}

/* Calls the kernel. (plan.c) */
void mg_make_call(int kernel, const union mg_settings *s, const struct operands *o, float *scratch, const struct mg_machine *machine);
/* The same for the kernels of bf16. (plan_bf16.c) */
void mg_make_bf16_call(int kernel, const union mg_settings *s, const struct operands *o, float *scratch, const struct mg_machine *machine);
/* Seconds since some moment. (plan.c) */
double mg_now(void);
/* Adds the time since *before, divided by `threads`, to *sum, to which other threads add too; then *before is now. (plan.c) */
void mg_add_time(double *sum, double *before, int threads);
/* Makes the calls of the strip that begins at `call` for one image. threads: among which their times are divided. (plan_strips.c) */
void mg_run_strip(const struct mg_call *call, size_t image, const struct run *run, double *seconds, int threads);

#endif
