/* Whether and how OpenMP is there; the drivers get the number of threads as an argument (parallel.h). */
#include "minigoog.h"
#include "parallel.h"

int mg_has_openmp(void)
{
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

int mg_default_threads(void)
{
    const int n = MG_OPENMP_THREADS();
    return n < 1 ? 1 : n < MG_MAX_THREADS ? n : MG_MAX_THREADS;
}
