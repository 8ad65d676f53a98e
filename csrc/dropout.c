/* Dropout with random numbers that are a function of (seed, position): no state, any order, any number of threads.
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#include "kernels.h"
#include "minigoog.h"
#include "parallel.h"

enum { CHUNK = 1 << 12, WORDS = 4, ROUNDS = 10 };

/* words = the 4 random words number 4 * counter .. 4 * counter + 3 of the stream `seed`. */
static void philox(uint64_t seed, uint64_t counter, uint32_t words[WORDS])
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

void mg_dropout(size_t n, uint64_t seed, uint64_t offset, uint32_t drop, float scale, const float *x, float *y,
                const struct mg_machine *machine)
{
    PARALLEL_FOR(chunk, mg_ceil_div(n, CHUNK), n * ROUNDS, machine) {
        uint32_t words[WORDS];
        for (size_t i = chunk * CHUNK; i < mg_min((chunk + 1) * CHUNK, n); i++) {
            const uint64_t number = offset + i;
            if (i == chunk * CHUNK || number % WORDS == 0)
                philox(seed, number / WORDS, words);
            y[i] = words[number % WORDS] >= drop ? x[i] * scale : 0;
        }
    }
}
