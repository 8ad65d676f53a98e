/* Segments of a picture: a graph of pixels, whose edges are looked at from the lightest to the heaviest. Two segments merge over an edge
 * that is no heavier than what is inside either of them, plus an allowance that shrinks as they grow. */
#include <assert.h>
#include <math.h>
#include <string.h>
#include "geometry.h"
#include "minigoog.h"
#include "parallel.h"

enum { DIRECTIONS = 4, RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

/* The neighbours of a pixel to which it owns the edge: right, below left, below, below right. An edge is a uint64: the bits of its
   weight, which as a float of at least 0 are ordered like integers; then the number of its pixel times DIRECTIONS, plus the direction. */
static const int DOWN[DIRECTIONS] = {0, 1, 1, 1}, RIGHT[DIRECTIONS] = {1, -1, 0, 1};

/* Segments as trees of pixels, each of which ends in a root. */
struct forest {
    int32_t *parents, *sizes;
    float *limits; /* of each root: the heaviest edge over which it merges */
};

static size_t edges(const struct mg_graph *s)
{
    return (s->h - 1) * (4 * s->w - 3) + s->w - 1;
}

/* The squares are exact in double, so that fused multiply-adds change nothing. */
static float distance(const float *a, const float *b, size_t c)
{
    double sum = 0;
    for (size_t i = 0; i < c; i++) {
        const float d = a[i] - b[i];
        sum += (double)d * d;
    }
    return (float)sqrt(sum);
}

/* The edges that the pixels of row y own. */
static void weigh(const struct mg_graph *s, const float *x, size_t y, uint64_t *out)
{
    for (size_t column = 0; column < s->w; column++)
        for (int i = 0; i < DIRECTIONS; i++) {
            const size_t row = y + DOWN[i], other = column + RIGHT[i], pixel = y * s->w + column; /* other: SIZE_MAX left of the first */
            if (row >= s->h || other >= s->w)
                continue;
            const float weight = distance(x + pixel * s->c, x + (row * s->w + other) * s->c, s->c);
            uint32_t bits;
            memcpy(&bits, &weight, sizeof bits);
            *out++ = (uint64_t)bits << 32 | (pixel * DIRECTIONS + i);
        }
}

/* One stable pass of a radix sort by the bits from `shift` on. */
static void sort_by(const uint64_t *from, uint64_t *to, size_t n, int shift)
{
    size_t starts[RADIX] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        starts[from[i] >> shift & (RADIX - 1)]++;
    for (int i = 0; i < RADIX; i++) {
        const size_t count = starts[i];
        starts[i] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[from[i] >> shift & (RADIX - 1)]++] = from[i];
}

static int32_t root(int32_t *parents, int32_t pixel)
{
    while (parents[pixel] != pixel)
        pixel = parents[pixel] = parents[parents[pixel]];
    return pixel;
}

static int32_t join(struct forest *f, int32_t a, int32_t b)
{
    const int32_t larger = f->sizes[a] >= f->sizes[b] ? a : b, smaller = larger == a ? b : a;
    f->parents[smaller] = larger;
    f->sizes[larger] += f->sizes[smaller];
    return larger;
}

static void ends(const struct mg_graph *s, struct forest *f, uint64_t edge, int32_t *a, int32_t *b)
{
    const uint32_t id = (uint32_t)edge;
    const ptrdiff_t pixel = id / DIRECTIONS, step = DOWN[id % DIRECTIONS] * (ptrdiff_t)s->w + RIGHT[id % DIRECTIONS];
    *a = root(f->parents, (int32_t)pixel);
    *b = root(f->parents, (int32_t)(pixel + step));
}

/* Merges over the sorted edges; those that are left between two segments go to `left`. Returns their number. */
static size_t merge_similar(const struct mg_graph *s, struct forest *f, const uint64_t *sorted, size_t n, uint64_t *left)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = sorted[i] >> 32;
        int32_t a, b;
        float weight;
        memcpy(&weight, &bits, sizeof weight);
        ends(s, f, sorted[i], &a, &b);
        if (a == b)
            continue;
        if (weight <= f->limits[a] && weight <= f->limits[b]) {
            const int32_t merged = join(f, a, b);
            f->limits[merged] = weight + s->k / (float)f->sizes[merged];
        } else
            left[kept++] = sorted[i];
    }
    return kept;
}

static void merge_small(const struct mg_graph *s, struct forest *f, const uint64_t *left, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t a, b;
        ends(s, f, left[i], &a, &b);
        if (a != b && ((size_t)f->sizes[a] < s->min_size || (size_t)f->sizes[b] < s->min_size))
            join(f, a, b);
    }
}

/* Numbers the segments in the order of their first pixels; `sizes` of a root becomes its number, less than 0. */
static size_t number(struct forest *f, int32_t *labels, size_t pixels)
{
    int32_t n = 0;
    for (size_t i = 0; i < pixels; i++) {
        int32_t *of_root = f->sizes + root(f->parents, (int32_t)i);
        if (*of_root > 0)
            *of_root = -++n;
        labels[i] = -*of_root - 1;
    }
    return (size_t)n;
}

size_t mg_graph_segments_scratch(const struct mg_graph *s, const struct mg_machine *machine)
{
    (void)machine;
    return 2 * edges(s) + 3 * (s->h * s->w + 1) / 2 + 1;
}

size_t mg_graph_segments(const struct mg_graph *s, const float *x, int32_t *labels, uint64_t *scratch, const struct mg_machine *machine)
{
    const size_t pixels = s->h * s->w, n = edges(s), in_row = 4 * s->w - 3;
    uint64_t *unsorted = scratch, *sorted = scratch + n;
    int32_t *parents = (int32_t *)(scratch + 2 * n);
    struct forest f = {parents, parents + pixels, (float *)(parents + 2 * pixels)};

    assert(s->h && s->w && pixels < (size_t)1 << 30);
    PARALLEL_FOR(y, s->h, pixels * DIRECTIONS * (s->c + 4), machine)
        weigh(s, x, y, unsorted + y * in_row);
    sort_by(unsorted, sorted, n, 32);
    sort_by(sorted, unsorted, n, 32 + RADIX_BITS);
    sort_by(unsorted, sorted, n, 32 + 2 * RADIX_BITS);
    for (size_t i = 0; i < pixels; i++) {
        f.parents[i] = (int32_t)i;
        f.sizes[i] = 1;
        f.limits[i] = s->k;
    }
    merge_small(s, &f, unsorted, merge_similar(s, &f, sorted, n, unsorted));
    return number(&f, labels, pixels);
}
