"""The layers of a network in a table, and what two networks differ in."""
