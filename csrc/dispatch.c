/* Which row of kernels runs: the widest that this CPU has, or the one that mg_set_isa names. */
#include <string.h>
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

static const struct kernels *const table[] = {
#if defined __x86_64__
    &mg_kernels_avx512,
    &mg_kernels_avx2,
#elif defined __aarch64__
    &mg_kernels_neon,
#endif
    &mg_kernels_plain,
};
enum { MOST_THREADS = 1024 }; /* more may crash OpenMP, whatever OMP_NUM_THREADS says */
enum { ROWS = sizeof table / sizeof *table };

static const struct kernels *chosen;
static int threads;

int mg_set_isa(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(table[i]->name, name) == 0 && table[i]->supported()) {
            chosen = table[i];
            return 0;
        }
    return -1;
}

const struct kernels *mg_kernels(void)
{
    for (int i = 0; !chosen; i++) /* the last row is always supported */
        if (table[i]->supported())
            chosen = table[i];
    return chosen;
}

const char *mg_isa(void)
{
    return mg_kernels()->name;
}

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

double mg_peak(size_t rounds)
{
    const struct kernels *k = mg_kernels();
    const int n = mg_threads();

    PARALLEL_FOR(i, n, SERIAL_WORK) {
        float sink = (float)i;
        k->peak(rounds, &sink);
    }
    return (double)n * (double)rounds * k->peak_flops;
}

void mg_set_threads(int n)
{
    threads = !mg_has_openmp() || n < 1 ? 1 : n < MOST_THREADS ? n : MOST_THREADS;
}
