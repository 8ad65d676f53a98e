/* The calls of a plan on maps of bf16. */
#include <assert.h>
#include "plan.h"

void mg_make_bf16_call(int kernel, const union mg_settings *s, const struct operands *o, float *scratch, const struct mg_machine *machine)
{
    const uint16_t *x = (const uint16_t *)o->x;
    const int32_t *w = (const int32_t *)o->w;
    uint16_t *y = (uint16_t *)o->y;
    switch (kernel) {
    case MG_TO_BF16:
        mg_to_bf16(&s->elementwise, o->x, y, machine);
        break;
    case MG_FROM_BF16:
        mg_from_bf16(&s->elementwise, x, o->y, machine);
        break;
    case MG_BF16_CONV2D:
        mg_bf16_conv2d(&s->conv, x, w, y, machine);
        break;
    case MG_BF16_CONV2D_FLOAT:
        mg_bf16_conv2d_float(&s->conv, x, w, o->y, machine);
        break;
    case MG_BF16_WINOGRAD:
        mg_bf16_conv2d_winograd(&s->conv, x, w, o->b, y, scratch, machine);
        break;
    case MG_BF16_MAX_POOL2D:
        mg_bf16_max_pool2d(&s->pool, x, y, machine);
        break;
    case MG_BF16_AVG_POOL2D:
        mg_bf16_avg_pool2d(&s->pool, x, o->y, machine);
        break;
    default:
        assert(!"a kernel that plan.c knows");
    }
}
