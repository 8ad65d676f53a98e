"""Running demonstrations one after the other, in parts that a later run finds again."""
