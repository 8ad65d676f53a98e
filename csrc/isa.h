/* How one source becomes one copy per instruction set.
 *
 * An isa_*.c file defines ISA (a suffix), LANES (floats in a vector), TILE_ROWS, INT8_ROWS and BF16_ROWS (heights of the register tiles) and SUPPORTED (does
 * this CPU have it), opens a region in which the compiler may use the instructions of that set, includes kernels.inc, and
 * closes the region. FN(relu) is then relu_avx2, relu_avx512, ...
 * Only code inside a region may use vectors: a vector wider than the machine's own is lowered through memory.
 */
#ifndef MG_ISA_H
#define MG_ISA_H

/* What kernels.inc needs, included here because a system header does not belong inside a region. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif
#include "kernels.h"
#include "narrow_kernels.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, ISA)
#define PRAGMA(text) _Pragma(#text)

#if defined __clang__
#define ISA_BEGIN(features) PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ISA_END PRAGMA(clang attribute pop)
#else
#define ISA_BEGIN(features) PRAGMA(GCC push_options) PRAGMA(GCC target(features))
#define ISA_END PRAGMA(GCC pop_options)
#endif

#endif
