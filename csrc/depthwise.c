/* Depthwise convolution: each channel has its own window and becomes one channel of the output. Rows of outputs are shared among the
 * threads, and where there are few rows, the channels too. Its weight gradient is summed in parts of the rows, whose number depends on the
 * shape alone, never on the number of threads; the parts are added pairwise.
 */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "parallel.h"

enum {
    CHANNELS_IN_TASK = 64,
    TASKS_PER_THREAD = 8,
    FAR = 1 << 19,        /* floats: a map as large is no longer in a cache near by, see depthwise_ahead */
    MIN_PARTS = 16,       /* of a weight gradient */
    ROWS_IN_PART = 1 << 7 /* at most; their sums are added one after the other */
};

static void check(const struct mg_depthwise *s)
{
    (void)s;
    assert(s->kh > 0 && s->kw > 0 && s->stride_h > 0 && s->stride_w > 0 && s->dilation_h > 0 && s->dilation_w > 0 && s->c > 0);
    assert(s->kh * s->kw <= LONG_SUM);
    assert(s->ldx >= s->c && s->ldy >= s->c);
    assert(s->activation >= 0 && s->activation < MG_ACTIVATIONS);
}

static struct axis rows_of(const struct mg_depthwise *s)
{
    return (struct axis){.size = s->h, .k = s->kh, .stride = s->stride_h, .pad = s->pad_top, .dilation = s->dilation_h, .out = s->out_h};
}

/* What all rows of outputs share. residual: that of the first row, or NULL. */
static struct depthwise_row row_of(const struct mg_depthwise *s)
{
    const struct axis cols = {
        .size = s->w, .k = s->kw, .stride = s->stride_w, .pad = s->pad_left, .dilation = s->dilation_w, .out = s->out_w};
    return (struct depthwise_row){.channels = s->c,
                                  .cols = cols,
                                  .inner = mg_whole_windows(&cols),
                                  .x_row = s->dilation_h * s->w * s->ldx,
                                  .x_col = s->dilation_w * s->ldx,
                                  .x_step = s->stride_w * s->ldx,
                                  .w_row = s->kw * s->c,
                                  .w_col = s->c,
                                  .ldx = s->ldx,
                                  .ldy = s->ldy,
                                  .epilogue = {s->activation, s->alpha, s->beta, NULL, s->ldr}};
}

/* Has the rows of a large x prefetched that the windows of the row of outputs after `row` cover, and those of `row`, v, do not. */
static void look_ahead(const struct mg_depthwise *s, const struct axis *rows, size_t row, const struct covered *v, struct depthwise_row *r)
{
    if (s->n * s->h * s->w * s->ldx < FAR || s->dilation_h > 1 || row + 1 >= s->out_h)
        return;
    const struct covered next = mg_covered_by(rows, row + 1);
    r->ahead = v->count * s->w * s->ldx;
    r->ahead_rows = next.first + next.count - mg_min(next.first + next.count, v->first + v->count);
}

void mg_depthwise(const struct mg_depthwise *s, const float *x, const float *w, const float *bias, const float *residual, float *y,
                  const struct mg_machine *machine)
{
    check(s);
    assert(!residual || s->ldr >= s->c);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = rows_of(s);
    const size_t n_rows = s->n * s->out_h, work = n_rows * s->out_w * s->c * s->kh * s->kw / MULTIPLY_ADDS;
    const size_t wanted = n_rows ? mg_ceil_div(TASKS_PER_THREAD * (size_t)mg_threads_for(work, machine), n_rows) : 1;
    const size_t blocks = mg_ceil_div(s->c, CHANNELS_IN_TASK), groups = mg_min(wanted, blocks);

    PARALLEL_FOR(task, n_rows * groups, work, machine) {
        const size_t row = task / groups, group = task % groups, c = blocks * group / groups * CHANNELS_IN_TASK;
        const struct covered v = mg_covered_by(&rows, row % s->out_h);
        struct depthwise_row r = row_of(s);
        r.rows = v.count;
        look_ahead(s, &rows, row % s->out_h, &v, &r);
        r.channels = mg_min(s->c, blocks * (group + 1) / groups * CHANNELS_IN_TASK) - c;
        r.epilogue.residual = residual ? residual + row * s->out_w * s->ldr + c : NULL;
        k->depthwise_row(&r, x + (row / s->out_h * s->h + v.first) * s->w * s->ldx + c, w + v.skipped * r.w_row + c, bias ? bias + c : NULL,
                         y + row * s->out_w * s->ldy + c);
    }
}

/* The number of parts that the rows of outputs are split into. */
static size_t parts_of(const struct mg_depthwise *s)
{
    const size_t rows = s->n * s->out_h;
    return mg_min(mg_max(MIN_PARTS, mg_ceil_div(rows, ROWS_IN_PART)), mg_max(rows, 1));
}

size_t mg_depthwise_weight_scratch(const struct mg_depthwise *s)
{
    return parts_of(s) * s->kh * s->kw * s->c;
}

void mg_depthwise_weight(const struct mg_depthwise *s, const float *x, const float *dy, float *dw, float *scratch,
                         const struct mg_machine *machine)
{
    check(s);
    const struct kernels *k = mg_kernels(machine);
    const struct axis rows = rows_of(s);
    const size_t n_rows = s->n * s->out_h, weights = s->kh * s->kw * s->c, parts = parts_of(s);

    PARALLEL_FOR(part, parts, n_rows * s->out_w * weights / MULTIPLY_ADDS, machine) {
        float *sum = scratch + part * weights;
        memset(sum, 0, weights * sizeof *sum);
        for (size_t row = n_rows * part / parts; row < n_rows * (part + 1) / parts; row++) {
            const struct covered v = mg_covered_by(&rows, row % s->out_h);
            struct depthwise_row r = row_of(s);
            r.rows = v.count;
            k->depthwise_weight_row(&r, x + (row / s->out_h * s->h + v.first) * s->w * s->ldx, dy + row * s->out_w * s->ldy,
                                    sum + v.skipped * r.w_row);
        }
    }
    mg_add_pairwise(k, parts, weights, scratch, weights);
    memcpy(dw, scratch, weights * sizeof *dw);
}
