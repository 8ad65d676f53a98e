"""Speed of sparse and dense kernels: contests, break-even densities, pruned weights, blocks, simulated cache misses."""
