"""The exercises that ship with minigoog, a file each, in the form that a teacher's own have."""
