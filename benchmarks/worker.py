"""One contestant: python worker.py NAME TASK BATCH THREADS OUTPUT. Builds GoogLeNet, writes its output, then waits for "go" lines.

Tasks: "inference" (logits) and "train" (forward with both heads, loss, backward, SGD step). Each answer is a line of JSON."""

import json
import os
import resource
import sys
import time

import numpy as np


def main():
    name, task, batch, threads, output = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    answers = os.fdopen(os.dup(1), "w")  # what libraries print to stdout must not get between the answers
    os.dup2(2, 1)
    import peers

    try:
        run, y = peers.CONTESTANTS[name](task, batch, threads)
    except ModuleNotFoundError as error:
        print(json.dumps({"absent": str(error)}), file=answers, flush=True)
        return
    np.save(output, y)
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for _ in sys.stdin:
        run()  # what the others have thrown out of the caches comes back untimed
        start = time.perf_counter()
        run()
        print(json.dumps({"ms": (time.perf_counter() - start) * 1e3}), file=answers, flush=True)
    print(json.dumps({"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), file=answers, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
