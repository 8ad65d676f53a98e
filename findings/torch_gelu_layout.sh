#!/usr/bin/env bash
# torch 2.14.1 on a CPU with AVX-512: gelu (the exact form, float32) answers differently for a tensor and for its transposed view.
#
# Seen for 4x4 values x, F.gelu(x) against F.gelu(x.t()).t():
#        x          contiguous         transposed         exact
#        inf        NaN                inf                inf
#        2.5e38     inf                2.5e38             2.5e38
#        -3         -0.00405023        -0.00404969        -0.00404969
#        -4         -0.000126481       -0.000126719       -0.000126685
# A tensor of a single value answers like the transposed one; so does the contiguous one for large values with ONEDNN_MAX_CPU_ISA=AVX2.
# gelu with approximate="tanh", silu and mish give inf for inf in both layouts, gelu of float16 and float64 too; bfloat16 is like float32.
#
# Why a good guess is wrong: a function of each value by itself is expected to depend on that value alone, and nearly all of torch's other
# activations do not depend on the layout. For contiguous tensors of two values and more another library computes gelu; its AVX-512 code has
# a relative error of 1.3e-4 at -3, a hundred times the other's, and answers infinity for 1.8e38 though half of twice that fits. The variable
# ATEN_CPU_CAPABILITY, which chooses torch's own kernels, changes nothing. So torch is a judge of another engine's gelu only through a view,
# or in float64, and an overflow upstream shows as NaN or as infinity by layout and processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.6
cat > gelu.py <<'PY'
import math

import torch
import torch.nn.functional as F


def exact(x):
    """x times the probability that a normal number is below x, by the complementary error function in float64."""
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


def both(function, x, dtype=torch.float32):
    values = torch.full((4, 4), x, dtype=dtype)
    return function(values)[0, 0].item(), function(values.t())[0, 0].item()


for x in (math.inf, 2.5e38, -3.0, -4.0):
    contiguous, transposed = both(F.gelu, x)
    single = F.gelu(torch.tensor([x])).item()
    print(f"{x:8}  contiguous {contiguous:.6g}  transposed {transposed:.6g}  exact {exact(x):.6g}")
    assert single == transposed
    if abs(x) > 1e38:
        assert transposed == torch.tensor(x).item() and (math.isnan(contiguous) if math.isinf(x) else math.isinf(contiguous))
errors = [abs(value / exact(-3.0) - 1) for value in both(F.gelu, -3.0)]
print("relative errors at -3:", errors)
assert errors[0] > 1e-4 and errors[1] < 3e-6

for function in (lambda x: F.gelu(x, approximate="tanh"), F.silu, F.mish):
    assert both(function, math.inf) == (math.inf, math.inf)
assert both(F.gelu, math.inf, torch.float64) == both(F.gelu, math.inf, torch.float16) == (math.inf, math.inf)
assert math.isnan(both(F.gelu, math.inf, torch.bfloat16)[0])
PY
grep -q -w avx512dq /proc/cpuinfo || { echo "this processor has no AVX-512: nothing to see"; exit 1; }
venv/bin/python gelu.py
ONEDNN_MAX_CPU_ISA=AVX2 venv/bin/python -c '
import math, torch
assert torch.nn.functional.gelu(torch.full((4, 4), math.inf)).min().item() == math.inf
print("AVX2: inf for inf, contiguous")'
