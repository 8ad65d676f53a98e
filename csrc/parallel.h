/* How drivers give out work: in chunks, to whoever is free, since a fixed split waits for the slower core on a busy machine.
 *
 * PARALLEL_FOR(work) stands before a for-loop; `work` is a rough count of floats touched; MULTIPLY_ADDS multiply-adds in
 * registers take as long as one. Below SERIAL_WORK waking the other threads takes longer than it saves. Each iteration of a loop must write its own part of the output and
 * compute it in an order of its own, so that nothing depends on the number of threads.
 */
#ifndef MG_PARALLEL_H
#define MG_PARALLEL_H

#include <stddef.h>

int mg_threads(void);

enum { SERIAL_WORK = 1 << 15, MULTIPLY_ADDS = 16 };

static inline int mg_threads_for(size_t work)
{
    return work < SERIAL_WORK ? 1 : mg_threads();
}

#define MG_PRAGMA(text) _Pragma(#text)
#ifdef _OPENMP
#include <omp.h>
#define PARALLEL_FOR(work) MG_PRAGMA(omp parallel for schedule(dynamic) num_threads(mg_threads_for(work)))
#define MG_THREAD() omp_get_thread_num()
#define MG_MAX_THREADS() omp_get_max_threads()
#else
#define PARALLEL_FOR(work) (void)(work);
#define MG_THREAD() 0
#define MG_MAX_THREADS() 1
#endif

#endif
