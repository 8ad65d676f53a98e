/* The peak of the machine: peak.inc on every thread. */
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

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
