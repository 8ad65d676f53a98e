"""What a demonstration is, and running demonstrations in parts whose results a later run reuses."""
