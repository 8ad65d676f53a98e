/* Which row of the table of kernels runs: the widest that this CPU supports, or the one that mg_set_isa selects. */
#include <string.h>
#include "kernels.h"
#include "minigoog.h"

static const struct kernels *const table[] = {
#if defined __x86_64__
    &mg_kernels_avx512,
    &mg_kernels_avx2,
#elif defined __aarch64__
    &mg_kernels_neon,
#endif
    &mg_kernels_plain,
};
enum { ROWS = sizeof table / sizeof *table };

static const struct kernels *chosen;

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
