/* The table of kernels: a row for each instruction set that this build has. */
#include <assert.h>
#include "int8_kernels.h"
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

static const struct int8_kernels *const int8_table[MG_ISAS][2] = {
#if defined __x86_64__
    [MG_AVX512] = {&mg_int8_kernels_avx512vnni, &mg_int8_kernels_avx512},
    [MG_AVX2] = {&mg_int8_kernels_avx2, &mg_int8_kernels_avx2},
#elif defined __aarch64__
    [MG_NEON] = {&mg_int8_kernels_neondot, &mg_int8_kernels_neon},
#endif
    [MG_PLAIN] = {&mg_int8_kernels_plain, &mg_int8_kernels_plain},
};

const struct int8_kernels *mg_int8_kernels(const struct mg_machine *machine)
{
    assert(mg_has_isa(machine->isa));
    const struct int8_kernels *const *rows = int8_table[machine->isa];
    return rows[0]->supported() ? rows[0] : rows[1];
}
