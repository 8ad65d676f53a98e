/* Neighbouring calls of a plan made together for some rows, then for the next: what lies between them stays in the cache of one core.
 *
 * Each call reads what the one before it wrote. Of these maps only the rows that the next rows of the last output need are in memory; those
 * that two strips share move to the front. A map of 112 x 112 x 96 floats (4.8 MB) between an expansion and a depthwise convolution becomes
 * 5 rows of it. The threads share the rows of the last output in a few parts, and compute the rows at the borders of the parts twice. Every
 * number is computed by the same kernel in the same order as without strips.
 */
#include <assert.h>
#include <string.h>
#include "geometry.h"
#include "parallel.h"
#include "plan.h"

enum {
    LONGEST = 3,          /* calls of a strip */
    PARTS_PER_THREAD = 2, /* so that a fast core can take work from a slow one; each part computes rows at its border once more */
    ROWS_IN_PART = 16     /* at least, or a thread has one part: of 28 rows in 4 parts of 3x3 windows a fifth is computed twice */
};

/* How the rows of a call's maps lie. */
struct lines {
    struct axis rows;
    size_t x_row, y_row, residual_row; /* floats from one row to the next */
};

static struct lines lines_of(const struct mg_call *call)
{
    if (call->kernel == MG_DEPTHWISE) {
        const struct mg_depthwise *s = &call->settings.depthwise;
        return (struct lines){
            {s->h, s->kh, s->stride_h, s->pad_top, 0, s->dilation_h, s->out_h}, s->w * s->ldx, s->out_w * s->ldy, s->out_w * s->ldr};
    }
    if (call->kernel == MG_MAX_POOL2D) {
        const struct mg_pool *s = &call->settings.pool;
        return (struct lines){
            {s->h, s->kh, s->stride_h, s->pad_top, s->pad_bottom, s->dilation_h, s->out_h}, s->w * s->ldx, s->out_w * s->ldy, 0};
    }
    assert(call->kernel == MG_CONV2D_DIRECT);
    const struct mg_conv *s = &call->settings.conv;
    return (struct lines){{s->h, s->kh, s->stride_h, 0, 0, s->dilation_h, s->out_h}, s->w * s->ldx, s->out_w * s->ldy, s->out_w * s->ldr};
}

/* The settings of `call` for rows of a map: `rows` of x, the first windows `pad` rows before them, and `out` of y. */
static union mg_settings for_rows(const struct mg_call *call, size_t rows, size_t pad, size_t out)
{
    union mg_settings s = call->settings;
    if (call->kernel == MG_DEPTHWISE)
        s.depthwise.h = rows, s.depthwise.pad_top = pad, s.depthwise.out_h = out;
    else if (call->kernel == MG_MAX_POOL2D)
        s.pool.h = rows, s.pool.pad_top = pad, s.pool.out_h = out;
    else
        s.conv.h = rows, s.conv.out_h = out;
    return s;
}

/* The rows that the windows of the rows `out` cover. */
static struct mg_span under(const struct axis *a, struct mg_span out)
{
    const size_t first = out.first * a->stride, end = (out.end - 1) * a->stride + (a->k - 1) * a->dilation + 1;
    return (struct mg_span){first > a->pad ? first - a->pad : 0, mg_min(end > a->pad ? end - a->pad : 0, a->size)};
}

size_t mg_strip_rows(const struct mg_call *calls, size_t call)
{
    size_t rows = calls->strip_rows;
    for (size_t i = calls->strip - 1; i > call; i--) {
        const struct axis a = lines_of(&calls[i]).rows;
        rows = mg_min((rows - 1) * a.stride + (a.k - 1) * a.dilation + 1, a.size);
    }
    return rows;
}

/* One image's maps between the calls: rows held[i] of the output of call i are in memory. */
struct strip {
    const struct mg_call *calls;
    struct lines lines[LONGEST];
    struct operands operands[LONGEST];
    struct mg_span held[LONGEST];
    const struct run *run;
};

/* Moves the rows from `first` on, which are still needed, to the front of the memory of call i's output; the others are forgotten. */
static void keep(struct strip *s, size_t i, size_t first)
{
    const struct mg_span held = s->held[i];
    s->held[i] = (struct mg_span){first, mg_max(first, held.end)};
    if (held.end <= first || held.first == first)
        return;
    float *y = s->operands[i].y;
    memmove(y, y + (first - held.first) * s->lines[i].y_row, (held.end - first) * s->lines[i].y_row * sizeof *y);
}

/* Has call i compute the rows `out` of its output. x_first, y_first: the first rows of its maps that are in memory. */
static void compute(struct strip *s, size_t i, struct mg_span out, size_t x_first, size_t y_first)
{
    const struct lines *l = &s->lines[i];
    const struct mg_span in = under(&l->rows, out);
    const size_t start = out.first * l->rows.stride, pad = l->rows.pad > start ? l->rows.pad - start : 0;
    const union mg_settings settings = for_rows(&s->calls[i], in.end - in.first, pad, out.end - out.first);
    struct operands o = s->operands[i];
    o.x += (in.first - x_first) * l->x_row;
    o.y += (out.first - y_first) * l->y_row;
    o.residual = o.residual ? o.residual + out.first * l->residual_row : NULL;
    mg_make_call(s->calls[i].kernel, &settings, &o, s->run->scratch, s->run->machine);
}

/* The rows `out` of the last output, and before them what they need. */
static void run_rows(struct strip *s, struct mg_span out, double *seconds, int threads)
{
    const size_t last = s->calls->strip - 1;
    struct mg_span needed[LONGEST];
    needed[last] = out;
    for (size_t i = last; i > 0; i--)
        needed[i - 1] = under(&s->lines[i].rows, needed[i]);
    double before = seconds ? mg_now() : 0;
    for (size_t i = 0; i <= last; i++) {
        struct mg_span fresh = needed[i];
        if (i < last) {
            keep(s, i, fresh.first);
            fresh.first = s->held[i].end;
            s->held[i].end = mg_max(fresh.first, fresh.end);
        }
        if (fresh.first < fresh.end)
            compute(s, i, fresh, i ? s->held[i - 1].first : 0, i < last ? s->held[i].first : 0);
        if (seconds)
            mg_add_time(&seconds[i], &before, threads);
    }
}

/* In how many parts the threads share the rows of the last output. */
static size_t parts_of(size_t rows, size_t threads)
{
    const size_t many = PARTS_PER_THREAD * threads;
    return threads == 1 ? 1 : rows >= many * ROWS_IN_PART ? many : mg_min(threads, rows);
}

void mg_run_strip(const struct mg_call *calls, size_t image, const struct run *run, double *seconds, int threads)
{
    assert(calls->strip > 1 && calls->strip <= LONGEST && calls->strip_rows > 0);
    struct strip all = {.calls = calls};
    for (size_t i = 0; i < calls->strip; i++)
        all.lines[i] = lines_of(&calls[i]);
    const size_t rows = all.lines[calls->strip - 1].rows.out;
    const size_t parts = parts_of(rows, (size_t)run->machine->threads);
    const struct mg_machine alone = {run->machine->isa, 1};
    const int dividing = threads * (parts > 1 ? run->machine->threads : 1);

    PARALLEL_FOR(part, parts, SERIAL_WORK, run->machine) {
        const struct run one = mg_run_of(run, (size_t)MG_THREAD(), &alone);
        struct strip s = all;
        s.run = &one;
        for (size_t i = 0; i < calls->strip; i++)
            s.operands[i] = mg_operands(&one, &calls[i], image);
        const size_t end = rows * (part + 1) / parts;
        for (size_t row = rows * part / parts; row < end; row += calls->strip_rows)
            run_rows(&s, (struct mg_span){row, mg_min(row + calls->strip_rows, end)}, seconds, dividing);
    }
}
