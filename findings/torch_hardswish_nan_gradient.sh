#!/usr/bin/env bash
# torch 2.13.0 on a CPU: the gradient of hardswish at NaN depends on where in the tensor the NaN stands.
#
# Seen with x = torch.full((n,), nan), hardswish(x).sum().backward(), one thread, AVX-512 or AVX2:
#        n = 10     all 10 gradients are 1.0
#        n = 45     the first 32 are NaN, the last 13 are 1.0
# The forward pass gives NaN for all of them.
#
# Why a good guess is wrong: an element-wise function is expected to treat every element alike. What is seen fits a kernel with two copies:
# one for full vectors, whose comparisons leave NaN to the middle branch, x / 3 + 0.5, and one for the rest of a row, in which all
# comparisons with NaN fail and the slope of the last branch, 1, remains. So whether a NaN shows in the gradients depends on the size of
# the tensor, and a test with a small tensor learns the rule of the rest only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6
cat > hardswish.py <<'PY'
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
for n in (10, 45, 1003):
    x = torch.full((n,), float("nan"), requires_grad=True)
    y = F.hardswish(x)
    y.sum().backward()
    nan = x.grad.isnan()
    first, rest = int(nan.sum()), x.grad[~nan].unique().tolist()
    print(f"n = {n}: {int(y.isnan().sum())} results are NaN; gradients: the first {first} NaN, the other {n - first} {rest}")
    assert y.isnan().all() and nan[:first].all() and rest == [1.0]
    assert first == 0 if n == 10 else 0 < first < n
PY
venv/bin/python hardswish.py
