"""Networks from files of other systems, made of this package's modules and operations."""
