/* What threads.c and threads_narrow.c share. */
#include <stdlib.h>
#include "minigoog.h"

/* n floats; nothing here is ever freed. */
static inline float *floats(size_t n)
{
    float *a = malloc((n + 1) * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = (float)(i % 17) - 8;
    return a;
}

/* n bytes. */
static inline void *bytes(size_t n)
{
    uint8_t *a = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        a[i] = (uint8_t)(i % 61);
    return a;
}

void bf16(const struct mg_machine *machine);
void int8(const struct mg_machine *machine);
