/* How many threads the drivers use (parallel.h). */
#include "minigoog.h"
#include "parallel.h"

enum { MAX_THREADS = 1024 }; /* more may crash OpenMP, whatever OMP_NUM_THREADS says */

static int threads; /* 0: not yet known */

int mg_has_openmp(void)
{
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

int mg_threads(void)
{
    if (!threads)
        mg_set_threads(MG_MAX_THREADS());
    return threads;
}

void mg_set_threads(int n)
{
    threads = !mg_has_openmp() || n < 1 ? 1 : n < MAX_THREADS ? n : MAX_THREADS;
}
