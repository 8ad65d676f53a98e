#!/usr/bin/env bash
# NumPy 2.4.6: subtracting a mean of three channels from images with channels last takes several times as long as the same
# subtraction on the same memory seen as rows.
#
# Seen for float32 images (32, 224, 224, 3), one thread, medians of 15, in turns: x - mean takes more than 3 times as long as
# x.reshape(32, 224, 672) - np.tile(mean, 224), with the same bits (AMD EPYC, Zen 4: 4 to 4.7 times; for one image, which stays in the
# caches, 6.9 times). With 64 channels the two differ by less than 2.
#
# Why a good guess is wrong: both read and write the same bytes once, and NumPy joins neighbouring axes of contiguous arrays into one
# before it loops. A broadcast axis cannot be joined with the one behind it, so the inner loop is as long as the last axis: three numbers,
# each time through a call of the loop function, and too short for vectors. Usual code, (image - mean) / std, pays it twice for each
# image; so preparing a photograph may take as long as a good part of a small network. Views cost nothing: rows of w * c numbers and a
# mean repeated w times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet numpy==2.4.6
cat > broadcast.py <<'PY'
import statistics
import time

import numpy as np

print("NumPy", np.__version__)


def slower(channels, turns=15):
    """How many times as long the broadcast over so many channels takes."""
    x = np.random.default_rng(0).random((32, 224, 224, channels), np.float32)[: 96 // channels or 1]
    mean = np.arange(1, channels + 1, dtype=np.float32)
    rows, repeated = x.reshape(len(x), 224, 224 * channels), np.tile(mean, 224)
    assert np.shares_memory(rows, x) and np.array_equal((rows - repeated).reshape(x.shape), x - mean)
    ways = {"channels last": lambda: x - mean, "rows": lambda: rows - repeated}
    times = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append(time.process_time() - began)
    medians = {name: 1000 * statistics.median(each) for name, each in times.items()}
    print(f"{channels} channels:", ", ".join(f"{name} {ms:.2f} ms" for name, ms in medians.items()))
    return medians["channels last"] / medians["rows"]


three, many = slower(3), slower(64)
print(f"3 channels: {three:.1f} times as long; 64 channels: {many:.1f} times")
assert three > 3 and many < 2, "no longer so"
PY
venv/bin/python broadcast.py
