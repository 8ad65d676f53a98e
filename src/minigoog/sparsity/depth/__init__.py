"""Whether clusters spread out with depth, and networks whose widths follow these clusters."""
