"""Run by test_communicator.py on two processes: one is late, or elsewhere, or fails; sys.argv[1] says which."""

import sys
import time

from minigoog.parallel import world

ranks = world("late", patience=0.2)
what = sys.argv[1]
if what == "late" and ranks.rank == 1:
    while not ranks.comm.improbe(0, 1):  # until the other one has come
        time.sleep(0.01)
    time.sleep(1)
elif what == "elsewhere":
    ranks.gather(f"exchange {ranks.rank}", 0)
elif what == "fails" and ranks.rank == 1:
    raise ValueError("the second process fails")
ranks.gather("the first exchange" if what != "late" or ranks.rank == 0 else "nothing", 0)
