"""What a demonstration is, and running demonstrations in parts that a later run finds again."""
