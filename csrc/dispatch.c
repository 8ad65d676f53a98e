/* The table of kernels: a row for each instruction set that this build has. */
#include <assert.h>
#include "kernels.h"
#include "minigoog.h"
#include "narrow_kernels.h"

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

/* Of each instruction set the row with instructions for dot products and the one without. */
typedef const struct narrow_kernels *narrow_table[MG_ISAS][2];

static const narrow_table int8_table = {
#if defined __x86_64__
    [MG_AVX512] = {&mg_int8_kernels_avx512vnni, &mg_int8_kernels_avx512},
    [MG_AVX2] = {&mg_int8_kernels_avx2, &mg_int8_kernels_avx2},
#elif defined __aarch64__
    [MG_NEON] = {&mg_int8_kernels_neondot, &mg_int8_kernels_neon},
#endif
    [MG_PLAIN] = {&mg_int8_kernels_plain, &mg_int8_kernels_plain},
};

static const narrow_table bf16_table = {
#if defined __x86_64__
    [MG_AVX512] = {&mg_bf16_kernels_avx512bf16, &mg_bf16_kernels_avx512},
    [MG_AVX2] = {&mg_bf16_kernels_avx2, &mg_bf16_kernels_avx2},
#elif defined __aarch64__
    [MG_NEON] = {&mg_bf16_kernels_neon, &mg_bf16_kernels_neon},
#endif
    [MG_PLAIN] = {&mg_bf16_kernels_plain, &mg_bf16_kernels_plain},
};

static const struct narrow_kernels *supported(const narrow_table *rows, const struct mg_machine *machine)
{
    assert(mg_has_isa(machine->isa));
    const struct narrow_kernels *const *row = (*rows)[machine->isa];
    return row[0]->supported() ? row[0] : row[1];
}

const struct narrow_kernels *mg_int8_kernels(const struct mg_machine *machine)
{
    return supported(&int8_table, machine);
}

const struct narrow_kernels *mg_bf16_kernels(const struct mg_machine *machine)
{
    return supported(&bf16_table, machine);
}
