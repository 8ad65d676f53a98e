/* How often two channels of binary maps are on together, by their offset in pixels. Maps are lists of the channels that are on. */
#include <assert.h>
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { IN_CACHE = 1 << 18, TASKS = 16 }; /* counters that a task adds to: a megabyte, half of a core's second cache; fewest tasks */

/* The counters of channels [first, end), and the current image. */
struct task {
    const struct mg_maps *s;
    const int32_t *starts, *channels; /* starts: of this image's pixels */
    int32_t first, end;
    int32_t *counts;
};

/* One pixel: pairs of its channels in this task with all channels of the pixels around it. */
static void meet(const struct task *t, size_t y, size_t x)
{
    const struct mg_maps *s = t->s;
    const size_t side = 2 * s->radius + 1;
    const struct mg_span rows = mg_covered(y, side, 1, s->radius, s->h), cols = mg_covered(x, side, 1, s->radius, s->w);
    int32_t a = t->starts[y * s->w + x], a_end = t->starts[y * s->w + x + 1];

    while (a < a_end && t->channels[a] < t->first)
        a++;
    for (; a < a_end && t->channels[a] < t->end; a++)
        for (size_t i = rows.first; i < rows.end; i++)
            for (size_t j = cols.first; j < cols.end; j++) {
                const size_t shift = (i + s->radius - y) * side + (j + s->radius - x);
                int32_t *row = t->counts + ((size_t)t->channels[a] * side * side + shift) * s->c;
                for (int32_t b = t->starts[i * s->w + j]; b < t->starts[i * s->w + j + 1]; b++)
                    row[t->channels[b]]++;
            }
}

/* Each task owns the counters of some channels and reads all images: no two threads add to one counter, and the counters of a task
   stay in the cache, however many channels there are. */
void mg_cooccurrences(const struct mg_maps *s, const int32_t *starts, const int32_t *channels, int32_t *counts,
                      const struct mg_machine *machine)
{
    const size_t side = 2 * s->radius + 1, in_channel = side * side * s->c, pixels = s->h * s->w;
    const size_t block = mg_min(mg_ceil_div(s->c, TASKS), IN_CACHE / (in_channel + 1) + 1), tasks = s->c ? mg_ceil_div(s->c, block) : 0;

    PARALLEL_FOR(i, tasks, (size_t)starts[s->n * pixels] * side * side, machine) {
        const size_t first = i * block, end = mg_min(first + block, s->c);
        memset(counts + first * in_channel, 0, (end - first) * in_channel * sizeof *counts);
        for (size_t image = 0; image < s->n; image++) {
            const struct task t = {s, starts + image * pixels, channels, (int32_t)first, (int32_t)end, counts};
            for (size_t y = 0; y < s->h; y++)
                for (size_t x = 0; x < s->w; x++)
                    meet(&t, y, x);
        }
    }
}
