/* The table of kernels: a row for each instruction set that this build has. */
#include <assert.h>
#include "kernels.h"
#include "minigoog.h"

static const struct kernels *const table[MG_ISAS] = {
#if defined __x86_64__
    [MG_AVX512] = &mg_kernels_avx512,
    [MG_AVX2] = &mg_kernels_avx2,
#elif defined __aarch64__
    [MG_NEON] = &mg_kernels_neon,
#endif
    [MG_PLAIN] = &mg_kernels_plain,
};

int mg_has_isa(int isa)
{
    return isa >= 0 && isa < MG_ISAS && table[isa] && table[isa]->supported();
}

const struct kernels *mg_kernels(const struct mg_machine *machine)
{
    assert(mg_has_isa(machine->isa));
    return table[machine->isa];
}
