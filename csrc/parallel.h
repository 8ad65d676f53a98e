/* How drivers distribute work: each thread starts with its own part of the iterations; when that is done, it takes from the others.
 *
 * Part t of every loop goes to thread t, so that a thread finds most of what it reads in its own cache, where the previous layer left
 * it: with iterations assigned one by one, pooling took up to twice as long on two threads as on one. A fixed split would wait for
 * the slower core on a busy machine; taking from the ends of the other parts avoids that.
 *
 *     PARALLEL_FOR(i, n, work, machine) { ... }         for (size_t i = 0; i < n; i++) { ... }, in any order
 *
 * `work` is a rough count of floats touched; MULTIPLY_ADDS multiply-adds in registers take as long as one. Below SERIAL_WORK waking
 * the other threads takes longer than it saves. Each iteration must write its own part of the output and compute it in a fixed
 * order, so that nothing depends on the number of threads. n < 2^32.
 */
#ifndef MG_PARALLEL_H
#define MG_PARALLEL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include "minigoog.h"

enum { SERIAL_WORK = 1 << 15, MULTIPLY_ADDS = 16, MG_MAX_PARTS = 64 };

#define MG_PRAGMA(text) _Pragma(#text)
#ifdef _OPENMP
#include <omp.h>
#define MG_TEAM(threads) MG_PRAGMA(omp parallel num_threads(threads))
#define MG_THREAD() omp_get_thread_num()
#define MG_OPENMP_THREADS() omp_get_max_threads()
#else
#define MG_TEAM(threads)
#define MG_THREAD() 0
#define MG_OPENMP_THREADS() 1
#endif

/* The remaining iterations [first, end) of each part of a loop: first in the lower half of a word, end in the upper, so that
   taking one is a single exchange. One cache line each. */
struct mg_parts {
    struct {
        _Alignas(64) uint64_t left;
    } part[MG_MAX_PARTS];
    size_t n;
    int threads;
};

static inline int mg_threads_for(size_t work, const struct mg_machine *machine)
{
    assert(machine->threads >= 1 && machine->threads <= MG_MAX_THREADS);
    return work < SERIAL_WORK ? 1 : machine->threads;
}

static inline void mg_share(struct mg_parts *p, size_t n, int threads)
{
    assert(n <= UINT32_MAX);
    p->threads = threads;
    p->n = threads < MG_MAX_PARTS ? (size_t)threads : MG_MAX_PARTS;
    for (size_t i = 0; i < p->n; i++)
        p->part[i].left = (uint64_t)(n * (i + 1) / p->n) << 32 | n * i / p->n;
}

/* Takes an iteration: from the front of the thread's own part, then from the back of another's. 0 if none remains. */
static inline int mg_take(struct mg_parts *p, size_t *iteration)
{
    const size_t own = (size_t)MG_THREAD();
    for (size_t i = 0; i < p->n; i++) {
        uint64_t *at = &p->part[(own + i) % p->n].left, left = __atomic_load_n(at, __ATOMIC_RELAXED);
        while ((uint32_t)left < left >> 32) {
            const uint64_t rest = i == 0 ? left + 1 : left - (UINT64_C(1) << 32);
            if (__atomic_compare_exchange_n(at, &left, rest, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
                *iteration = i == 0 ? (uint32_t)left : rest >> 32;
                return 1;
            }
        }
    }
    return 0;
}

#define PARALLEL_FOR(i, n, work, machine)                         \
    struct mg_parts mg_parts_of_##i;                              \
    mg_share(&mg_parts_of_##i, n, mg_threads_for(work, machine)); \
    MG_TEAM(mg_parts_of_##i.threads)                              \
    for (size_t i; mg_take(&mg_parts_of_##i, &i);)

#endif
