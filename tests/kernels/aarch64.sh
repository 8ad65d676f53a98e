#!/usr/bin/env bash
# The wheel and the kernel tests on 64-bit ARM, emulated: `neon`, and `plain` as compiled for ARM.
#
#     tests/kernels/aarch64.sh FOLDER [what pytest shall run instead of the kernel tests, and its options]
#
# Needs Debian on x86-64 and the network; qemu-user and the cross compiler are installed if missing (as root). FOLDER keeps Debian's
# Python for arm64 and NumPy and others (300 MB), so that later runs skip the downloads. No container and no
# binfmt_misc: qemu runs Python, Python calls the cross compiler, which runs at full speed.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,4p' "$0"; exit 2; }
mkdir -p "$1"
folder=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
root=$folder/root python=$folder/env/bin/python

step() {
    echo "+ $* ($((SECONDS / 60)) min $((SECONDS % 60)) s so far)"
}

if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    step "qemu and the cross compiler"
    apt-get update -q
    apt-get install -y -q --no-install-recommends qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross
fi

if ! [ -e "$folder/complete" ]; then
    step "Debian's Python for arm64, unpacked into $root"
    rm -rf "$folder"/{apt,root,packages}
    mkdir -p "$folder"/apt/{sources,state/lists/partial,cache/archives/partial} "$root"
    touch "$folder/apt/state/status" # of an empty system, so that all dependencies are downloaded
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" >"$folder/apt/sources/debian.list"
    options=(-qq -y -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false -o Dir::State="$folder/apt/state"
        -o Dir::State::status="$folder/apt/state/status" -o Dir::Cache="$folder/apt/cache" -o Dir::Etc::sourcelist=/dev/null
        -o Dir::Etc::sourceparts="$folder/apt/sources")
    apt-get "${options[@]}" update
    apt-get "${options[@]}" --download-only install python3-minimal libpython3-dev python3-pip-whl libgomp1 libstdc++6
    for package in "$folder"/apt/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    step "packages for arm64"
    version=$(readlink "$root/usr/bin/python3")
    python3 -m pip install --quiet --target "$folder/packages" --only-binary=:all: --python-version "${version#python}" --implementation cp \
        --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
        numpy cffi ml_dtypes 'setuptools>=77' pytest hypothesis
    touch "$folder/complete"
fi

# An environment as `python -m venv` makes it, except that its interpreter is a script that starts the emulator.
version=$(readlink "$root/usr/bin/python3")
rm -rf "$folder"/{env,dist,source}
mkdir -p "$folder"/{env/bin,dist,source} "$folder/env/lib/$version/site-packages"
echo "home = $root/usr/bin" >"$folder/env/pyvenv.cfg"
echo "$folder/packages" >"$folder/env/lib/$version/site-packages/packages.pth"
printf '#!/bin/sh\nexec qemu-aarch64 -cpu cortex-a72 -L %q -0 "$0" %q "$@"\n' "$root" "$root/usr/bin/$version" >"$python"
chmod +x "$python"

export MINIGOOG_NATIVE=require OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive # emulated threads that spin starve the others
step "the wheel"
cp -r csrc src setup.py pyproject.toml README.md LICENSE "$folder/source" # the build must not mix with this machine's
rm -f "$folder"/source/src/minigoog/_native*.so
export CFLAGS="-I$root/usr/include/$version -idirafter $root/usr/include"
(cd "$folder/source" && "$python" -c 'import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])' "$folder/dist" >/dev/null)
ls "$folder"/dist/minigoog-*-cp311-abi3-linux_aarch64.whl
"$python" "$(echo "$root"/usr/share/python-wheels/pip-*.whl)/pip" install --quiet --no-index --no-deps --no-compile "$folder"/dist/minigoog-*.whl
(
    cd "$folder/dist" # away from the source
    "$python" -c 'import minigoog; minigoog.show_config(); assert minigoog.kernels.native.machine.available_isas() == ["neon", "plain"]'
    step "training"
    "$python" -m minigoog.train --tiny --epochs 1 --output "$folder/dist/run"
)

step "the tests"
export HYPOTHESIS_PROFILE=${HYPOTHESIS_PROFILE:-quick} FUZZ_CALLS=${FUZZ_CALLS:-100}
[ $# -ge 1 ] || set -- tests/kernels tests/test_plan.py tests/test_compile.py tests/test_compile_own.py
"$python" -m pytest -q -p no:cacheprovider --durations=10 "$@"
step "done"
