/* The peak of the machine: peak.inc on every thread. */
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

double mg_peak(size_t rounds, const struct mg_machine *machine)
{
    const struct kernels *k = mg_kernels(machine);
    const size_t n = (size_t)machine->threads;

    PARALLEL_FOR(i, n, SERIAL_WORK, machine) {
        float sink = (float)i;
        k->peak(rounds, &sink);
    }
    return (double)n * (double)rounds * k->peak_flops;
}
