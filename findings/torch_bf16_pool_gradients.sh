#!/usr/bin/env bash
# torch 2.14.1 on a CPU: in bf16 the gradients of overlapping pooling windows, of adaptive pooling and of replicated borders are added up
# in bf16. Those of convolution and upsampling are added up in float32 and rounded once.
#
# Seen with gradients of 1, for the element that all windows or outputs share (the same in both memory layouts):
#        function                                       terms    float32    bf16
#        max_pool2d, window 31, stride 1                  961        961     256
#        adaptive_avg_pool2d, 7x7 to 448x448            4,096      4,096     256
#        pad, mode replicate, 50 at each side           2,601      2,601     256
#        fold (the gradient of unfold), window 31         961        961     256
#        avg_pool2d, window 31, stride 1, terms of 1/961  961      1.000    0.50
#        interpolate, nearest, 7x7 to 448x448           4,096      4,096   4,096
#        bias of conv2d, 8 maps of 112x112            100,352    100,352 100,352
# Under autocast a convolution's output is bf16 and so is what max_pool2d makes of it: the float32 gradient of the bias of a 1x1 convolution
# in front of the first of these pools is 256 too. With windows as networks have them, random gradients of one sign, relative error in the
# L2 norm: 3x3 stride 1 0.30%, 13x13 stride 1 (spatial pyramid pooling) 1.05%; rounding the exact sum once costs 0.17%.
#
# Why a good guess is wrong: bf16 is taken for a format of storage whose sums are kept in float32, as convolution and matrix products do it
# here; from 256 on, adding 1 in bf16 has no effect. Pooling forward looks harmless (a maximum is exact, a mean is summed in float32), so
# that only a comparison of gradients shows it, and the larger the window, the more is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.6
cat > pool.py <<'PY'
import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)


def gradient(function, x, dtype, outputs=None):
    """The gradient of x, in float64, for the gradient `outputs` (default: ones) of function(x) computed in `dtype`."""
    x = x.clone().to(dtype).requires_grad_()
    y = function(x)
    y.backward(torch.ones_like(y) if outputs is None else outputs.to(dtype))
    return x.grad.double()


peak = torch.zeros(1, 1, 61, 61)
peak[..., 30, 30] = 1
shared = {  # function, input, element looked at, exact sum, seen in bf16
    "max_pool2d 31": (lambda x: F.max_pool2d(x, 31, 1), peak, (30, 30), 961, 256),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (448, 448)), torch.ones(1, 1, 7, 7), (3, 3), 4096, 256),
    "pad replicate": (lambda x: F.pad(x, (50, 50, 50, 50), mode="replicate"), torch.ones(1, 1, 9, 9), (0, 0), 2601, 256),
    "unfold": (lambda x: F.unfold(x, 31), torch.ones(1, 1, 61, 61), (30, 30), 961, 256),
    "avg_pool2d 31": (lambda x: F.avg_pool2d(x, 31, 1), torch.ones(1, 1, 61, 61), (30, 30), 1, 0.5),
    "interpolate nearest": (lambda x: F.interpolate(x, scale_factor=64), torch.ones(1, 1, 7, 7), (3, 3), 4096, 4096),
}
for name, (function, x, (row, column), exact, seen) in shared.items():
    wide, narrow = (gradient(function, x, dtype)[0, 0, row, column].item() for dtype in (torch.float32, torch.bfloat16))
    print(f"{name:20}  float32 {wide:9.3f}   bf16 {narrow:9.3f}")
    assert abs(wide - exact) < 1e-4 * exact and narrow == seen

layout = {"memory_format": torch.channels_last}
again = gradient(lambda x: F.max_pool2d(x, 31, 1), peak.repeat(1, 3, 1, 1).contiguous(**layout), torch.bfloat16)
assert again[0, :, 30, 30].tolist() == [256] * 3

weight, bias = torch.ones(3, 3, 3, 3, dtype=torch.bfloat16), torch.zeros(3, dtype=torch.bfloat16, requires_grad=True)
F.conv2d(torch.ones(8, 3, 114, 114, dtype=torch.bfloat16), weight, bias).sum(0).flatten(1).sum().backward()
print("bias of conv2d       ", bias.grad[0].item())
assert bias.grad[0].item() == 100352

convolution = torch.nn.Conv2d(1, 1, 1)
torch.nn.init.ones_(convolution.weight)
with torch.autocast("cpu", torch.bfloat16):
    pooled = F.max_pool2d(convolution(peak), 31, 1)
assert pooled.dtype == torch.bfloat16
pooled.backward(torch.ones_like(pooled))
print("autocast, bias before the pool", convolution.bias.grad.item(), convolution.bias.grad.dtype)
assert convolution.bias.grad.item() == 256 and convolution.bias.grad.dtype == torch.float32

maps = F.relu(torch.randn(4, 64, 28, 28)).bfloat16()
for size, at_least in ((3, 1.4), (13, 4)):
    def pool(x, size=size):
        return F.max_pool2d(x, size, 1, size // 2)

    outputs = torch.rand_like(pool(maps.float())).bfloat16()
    exact, narrow = (gradient(pool, maps, dtype, outputs) for dtype in (torch.float64, torch.bfloat16))
    error, once = ((made - exact).norm().item() / exact.norm().item() for made in (narrow, exact.bfloat16().double()))
    print(f"{size}x{size}, stride 1: {error:.2%} from float64; the exact sum rounded once: {once:.2%}")
    assert error > at_least * once
PY
venv/bin/python pool.py
