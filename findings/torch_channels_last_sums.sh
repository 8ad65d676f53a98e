#!/usr/bin/env bash
# torch 2.13.0 on a CPU: two functions that compute the same means over a map, or one function in two memory layouts.
#
# 1. Batch normalisation in training, F.batch_norm(x, ..., training=True), for a batch of 32 maps of 224x224 (mean 10, deviation 1):
#        x contiguous (NCHW)          normalised values at most 1.1e-6 from float64
#        the same x in channels_last  at most 3.0e-3 with one thread, 1.1e-3 with two: 1,000 to 3,000 times further off
#    For 25 million ones per channel (5000x5000) channels_last stores a running mean of 0.6711 and a running variance of 0.0839 where
#    NCHW stores 1 and 0.
# 2. F.avg_pool2d over a whole map of 5000x5000 ones gives 0.6711 in both layouts; F.adaptive_avg_pool2d and mean give 1.0.
#
# Why a good guess is wrong: channels_last is presented as a change of layout for speed, not of results, and float32 batch normalisation
# is expected to accumulate alike in both. In channels_last each thread adds all its pixels to one float32 sum per channel (0.6711 is
# 2^24 / 25,000,000: where adding 1 stops to have an effect), so the error grows with images x pixels and falls with the number of
# threads; NCHW accumulates more widely. It is not only for huge maps: 32 x 112 x 112 pixels already lose three digits. So PyTorch in
# channels_last is no judge of another engine's batch normalisation in NHWC.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 numpy==2.4.6
cat > sums.py <<'PY'
import torch
import torch.nn.functional as F

LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def normalised(x):
    mean, variance = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
    return F.batch_norm(x, mean, variance, training=True, momentum=1.0), mean, variance


def error(x):
    exact = x.double()
    exact = (exact - exact.mean((0, 2, 3), keepdim=True)) / (exact.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    return (normalised(x)[0] - exact).abs().max().item()


torch.set_num_threads(1)
x = torch.randn((32, 8, 224, 224), generator=torch.Generator().manual_seed(0)) + 10
errors = {name: error(x.to(memory_format=layout)) for name, layout in LAYOUTS.items()}
print("1. batch normalisation, 32 maps of 224x224, largest error:", errors)
assert errors["NCHW"] < 5e-6 and errors["channels_last"] > 5e-4 and errors["channels_last"] > 200 * errors["NCHW"]

ones = torch.ones(1, 3, 5000, 5000)
stored = {name: [float(s[0]) for s in normalised(ones.to(memory_format=layout))[1:]] for name, layout in LAYOUTS.items()}
print("   running mean and variance of ones:", stored)
assert stored["NCHW"] == [1.0, 0.0] and abs(stored["channels_last"][0] - 2**24 / 5000**2) < 1e-4 and stored["channels_last"][1] > 0.01

for name, layout in LAYOUTS.items():
    y = ones.to(memory_format=layout)
    means = [f.flatten()[0].item() for f in (F.avg_pool2d(y, 5000), F.adaptive_avg_pool2d(y, 1), y.mean((2, 3)))]
    print(f"2. {name}: avg_pool2d, adaptive_avg_pool2d, mean of ones:", means)
    assert abs(means[0] - 2**24 / 5000**2) < 1e-4 and means[1:] == [1.0, 1.0]
PY
venv/bin/python sums.py
