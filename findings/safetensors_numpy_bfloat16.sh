#!/usr/bin/env bash
# safetensors 0.8.0, numpy 2.4.6, ml_dtypes 0.6.0: whether `safetensors.numpy` can read a BF16 tensor depends on what else the process
# has imported, and on which of its two readers is called.
#
# Seen for one valid file with one tensor, "t", of kind BF16 or F8_E4M3:
#                            load_file("t.safetensors")                        load(bytes)
#   BF16                     TypeError: data type 'bfloat16' not understood    KeyError: 'BF16'
#   BF16, ml_dtypes imported works, dtype bfloat16                             KeyError: 'BF16'
#   F8_E4M3                  AttributeError: module 'numpy' has no ...         KeyError: 'F8_E4M3'
#   F8_E4M3, ml_dtypes imp.  AttributeError, although numpy.dtype("float8_e4m3fn") now works
#
# Why a good guess is wrong: one expects both readers to accept the same kinds, a missing package to be named, and an import elsewhere in
# the program not to matter. load_file asks NumPy for the type by name, and ml_dtypes registers "bfloat16" there when it is imported; no
# error mentions ml_dtypes. For the 8-bit kinds load_file looks for an attribute of the module numpy instead, which ml_dtypes does not
# set. So a program that reads such files "when jax is there" works only if something happened to import ml_dtypes first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet safetensors==0.8.0 numpy==2.4.6 ml_dtypes==0.6.0
cat > read.py <<'PY'
import json
import struct
import sys

if "ml_dtypes" in sys.argv:
    import ml_dtypes  # noqa: F401: what is tried is that importing it is enough
import numpy as np
import safetensors.numpy


def file_with(kind, data):
    header = json.dumps({"t": {"dtype": kind, "shape": [2], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def outcome(read, argument):
    try:
        return str(read(argument)["t"].dtype)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:60]}"


for kind, data in (("BF16", bytes([128, 63, 0, 64])), ("F8_E4M3", bytes([56, 64]))):  # 1.0 and 2.0 in both
    with open("t.safetensors", "wb") as f:
        f.write(file_with(kind, data))
    print(kind, "| load_file:", outcome(safetensors.numpy.load_file, "t.safetensors"), "| load:", outcome(safetensors.numpy.load, file_with(kind, data)))
try:
    print("numpy knows float8_e4m3fn by name:", np.dtype("float8_e4m3fn").name)
except TypeError as error:
    print("numpy knows float8_e4m3fn by name:", error)
PY
venv/bin/python read.py > seen
echo "-- with ml_dtypes imported first" >> seen
venv/bin/python read.py ml_dtypes >> seen
cat seen
diff seen - <<'SEEN'
BF16 | load_file: TypeError: data type 'bfloat16' not understood | load: KeyError: 'BF16'
F8_E4M3 | load_file: AttributeError: module 'numpy' has no attribute 'float8_e4m3fn' | load: KeyError: 'F8_E4M3'
numpy knows float8_e4m3fn by name: data type 'float8_e4m3fn' not understood
-- with ml_dtypes imported first
BF16 | load_file: bfloat16 | load: KeyError: 'BF16'
F8_E4M3 | load_file: AttributeError: module 'numpy' has no attribute 'float8_e4m3fn' | load: KeyError: 'F8_E4M3'
numpy knows float8_e4m3fn by name: float8_e4m3fn
SEEN
