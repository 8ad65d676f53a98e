/* Regions of a picture: their histograms, and the hierarchy in which the most similar neighbours merge until one is left.
 *
 * The pairs of neighbours are in a queue (a binary heap), the most similar one first. When two regions merge, their pairs become pairs
 * of the new region; those that are then there twice go. So there are never more pairs than at the start, and no memory is allocated.
 *
 * Histograms are counts of pixels. Two regions have sum min(a / |a|, b / |b|) = sum min(a |b|, b |a|) / (|a| |b|) in common, a sum of
 * integers, which is exact in double in any order as long as the picture has fewer than 2^22 pixels. */
#include <assert.h>
#include <string.h>
#include "geometry.h"
#include "minigoog.h"
#include "parallel.h"

enum { NONE = -1, UNROLLED = 8 };

/* A pair has two ends, 2 pair and 2 pair + 1; the ends at a region are a list. A pair that is gone has the place NONE in the queue. */
struct graph {
    const struct mg_hierarchy *s;
    const struct mg_regions *r;
    double pixels;
    double *values;          /* of each pair: the similarity */
    int32_t *ends, *next;    /* of each end: its region; the next end in that region's list */
    int32_t *first, *last;   /* of each region: the ends of its list */
    int32_t *seen;           /* of each region: the latest region that met it as a neighbour */
    int32_t *queue, *places; /* pairs, as a heap; of each pair: its place there */
    size_t queued;
};

/* ---- similarity ---- */

static double common(const int32_t *a, const int32_t *b, size_t n, double size_a, double size_b)
{
    double sums[UNROLLED] = {0}, sum = 0;
    size_t i = 0;
    for (; i + UNROLLED <= n; i += UNROLLED)
        for (int j = 0; j < UNROLLED; j++) {
            const double in_a = a[i + j] * size_b, in_b = b[i + j] * size_a;
            sums[j] += in_a < in_b ? in_a : in_b;
        }
    for (; i < n; i++) {
        const double in_a = a[i] * size_b, in_b = b[i] * size_a;
        sum += in_a < in_b ? in_a : in_b;
    }
    for (int j = 0; j < UNROLLED; j++)
        sum += sums[j];
    return sum;
}

static double box_of_both(const int32_t *a, const int32_t *b)
{
    const double left = a[0] < b[0] ? a[0] : b[0], top = a[1] < b[1] ? a[1] : b[1];
    const double right = a[2] > b[2] ? a[2] : b[2], bottom = a[3] > b[3] ? a[3] : b[3];
    return (right - left) * (bottom - top);
}

static double similarity(const struct graph *g, size_t a, size_t b)
{
    const struct mg_hierarchy *s = g->s;
    const struct mg_regions *r = g->r;
    const double size_a = r->sizes[a], size_b = r->sizes[b], both = size_a * size_b;
    double sum = 0;
    if (s->similarity & MG_COLOUR)
        sum += common(r->colours + a * s->colour_bins, r->colours + b * s->colour_bins, s->colour_bins, size_a, size_b) /
               (both * (double)s->colours);
    if (s->similarity & MG_TEXTURE)
        sum += common(r->textures + a * s->texture_bins, r->textures + b * s->texture_bins, s->texture_bins, size_a, size_b) /
               (both * (double)s->textures);
    if (s->similarity & MG_SIZE)
        sum += 1 - (size_a + size_b) / g->pixels;
    if (s->similarity & MG_FILL)
        sum += 1 - (box_of_both(r->boxes + 4 * a, r->boxes + 4 * b) - size_a - size_b) / g->pixels;
    return sum;
}

/* ---- the queue ---- */

static int comes_before(const struct graph *g, int32_t p, int32_t q)
{
    const int32_t *a = g->ends + 2 * p, *b = g->ends + 2 * q;
    if (g->values[p] != g->values[q])
        return g->values[p] > g->values[q];
    const int32_t low_a = a[0] < a[1] ? a[0] : a[1], low_b = b[0] < b[1] ? b[0] : b[1];
    return low_a != low_b ? low_a < low_b : a[0] + a[1] - low_a < b[0] + b[1] - low_b;
}

static void put(struct graph *g, int32_t pair, size_t place)
{
    g->queue[place] = pair;
    g->places[pair] = (int32_t)place;
}

static void move_up(struct graph *g, int32_t pair, size_t place)
{
    for (; place && comes_before(g, pair, g->queue[(place - 1) / 2]); place = (place - 1) / 2)
        put(g, g->queue[(place - 1) / 2], place);
    put(g, pair, place);
}

static void move_down(struct graph *g, int32_t pair, size_t place)
{
    for (size_t child; (child = 2 * place + 1) < g->queued; place = child) {
        if (child + 1 < g->queued && comes_before(g, g->queue[child + 1], g->queue[child]))
            child++;
        if (!comes_before(g, g->queue[child], pair))
            break;
        put(g, g->queue[child], place);
    }
    put(g, pair, place);
}

static void leave(struct graph *g, int32_t pair)
{
    const int32_t place = g->places[pair], moved = g->queue[--g->queued];
    g->places[pair] = NONE;
    if (moved == pair)
        return;
    if (place && comes_before(g, moved, g->queue[(place - 1) / 2]))
        move_up(g, moved, (size_t)place);
    else
        move_down(g, moved, (size_t)place);
}

/* ---- the regions ---- */

static void add_end(struct graph *g, size_t region, int32_t end)
{
    g->next[end] = NONE;
    if (g->first[region] == NONE)
        g->first[region] = end;
    else
        g->next[g->last[region]] = end;
    g->last[region] = end;
}

static void sum_rows(int32_t *rows, size_t n, size_t a, size_t b, size_t to)
{
    for (size_t i = 0; i < n; i++)
        rows[to * n + i] = rows[a * n + i] + rows[b * n + i];
}

static void merge_rows(const struct graph *g, size_t a, size_t b, size_t to)
{
    const struct mg_regions *r = g->r;
    r->sizes[to] = r->sizes[a] + r->sizes[b];
    for (int i = 0; i < 4; i++) {
        const int32_t p = r->boxes[4 * a + i], q = r->boxes[4 * b + i];
        r->boxes[4 * to + i] = (p < q) == (i < 2) ? p : q;
    }
    if (g->s->similarity & MG_COLOUR)
        sum_rows(r->colours, g->s->colour_bins, a, b, to);
    if (g->s->similarity & MG_TEXTURE)
        sum_rows(r->textures, g->s->texture_bins, a, b, to);
}

/* The pairs of region `from` become pairs of region `to`, unless their other region is its neighbour already. */
static void hand_over(struct graph *g, size_t from, size_t to)
{
    for (int32_t end = g->first[from], following; end != NONE; end = following) {
        const int32_t pair = end / 2;
        following = g->next[end];
        if (g->places[pair] == NONE)
            continue;
        leave(g, pair); /* its order there follows from its regions */
        int32_t *met = g->seen + g->ends[end ^ 1];
        if (*met == (int32_t)to)
            continue;
        *met = (int32_t)to;
        g->ends[end] = (int32_t)to;
        add_end(g, to, end);
    }
}

/* The pairs of a new region, into the queue. */
static void compare(struct graph *g, size_t region)
{
    for (int32_t end = g->first[region]; end != NONE; end = g->next[end]) {
        g->values[end / 2] = similarity(g, region, (size_t)g->ends[end ^ 1]);
        move_up(g, end / 2, g->queued++);
    }
}

static void start(struct graph *g, const int32_t *neighbours)
{
    const struct mg_hierarchy *s = g->s;
    for (size_t i = 0; i < 2 * s->regions - 1; i++)
        g->first[i] = g->seen[i] = NONE;
    for (size_t i = 0; i < s->regions; i++)
        g->pixels += g->r->sizes[i];
    for (size_t i = 0; i < 2 * s->pairs; i++) {
        g->ends[i] = neighbours[i];
        add_end(g, (size_t)neighbours[i], (int32_t)i);
    }
    for (size_t i = 0; i < s->pairs; i++) {
        g->values[i] = similarity(g, (size_t)neighbours[2 * i], (size_t)neighbours[2 * i + 1]);
        move_up(g, (int32_t)i, g->queued++);
    }
}

size_t mg_region_hierarchy_scratch(const struct mg_hierarchy *s, const struct mg_machine *machine)
{
    (void)machine;
    return s->pairs + (6 * s->pairs + 3 * (2 * s->regions - 1)) / 2 + 1;
}

size_t mg_region_hierarchy(const struct mg_hierarchy *s, const int32_t *neighbours, const struct mg_regions *regions, int32_t *merged,
                           float *similarities, double *scratch, const struct mg_machine *machine)
{
    const size_t most = 2 * s->regions - 1;
    int32_t *at = (int32_t *)(scratch + s->pairs);
    struct graph g = {s, regions, 0, scratch, at, at + 2 * s->pairs, at + 4 * s->pairs, 0, 0, 0, 0, 0};
    size_t n = 0;

    (void)machine;
    g.last = g.first + most;
    g.seen = g.last + most;
    g.queue = g.seen + most;
    g.places = g.queue + s->pairs;
    start(&g, neighbours);
    for (; g.queued; n++) {
        const int32_t best = g.queue[0], a = g.ends[2 * best], b = g.ends[2 * best + 1];
        const size_t to = s->regions + n;
        assert(to < most && a != b);
        merged[2 * n] = a < b ? a : b;
        merged[2 * n + 1] = a < b ? b : a;
        similarities[n] = (float)g.values[best];
        leave(&g, best);
        merge_rows(&g, (size_t)a, (size_t)b, to);
        hand_over(&g, (size_t)a, to);
        hand_over(&g, (size_t)b, to);
        compare(&g, to);
    }
    return n;
}

/* ---- histograms ---- */

void mg_region_histograms(const struct mg_histograms *s, const int32_t *segments, const uint8_t *values, int32_t *counts,
                          const struct mg_machine *machine)
{
    PARALLEL_FOR(i, s->channels, s->channels * s->pixels, machine) {
        for (size_t region = 0; region < s->regions; region++)
            memset(counts + (region * s->channels + i) * s->bins, 0, s->bins * sizeof *counts);
        for (size_t p = 0; p < s->pixels; p++)
            counts[((size_t)segments[p] * s->channels + i) * s->bins + values[i * s->pixels + p]]++;
    }
}
