"""Numbers and tables as text."""


def shape_text(shape):
    """28x28x192"""
    return "x".join(map(str, shape))


def human_bytes(n):
    """1.5 MiB"""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return None


def aligned(rows, right=()):
    """Rows of strings in columns, the first row a heading; columns numbered in `right` are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if i in right else "<" for i in range(len(widths))]
    lines = ["  ".join(f"{cell:{s}{w}}" for cell, s, w in zip(row, sides, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def confusion_text(table, classes):
    """The confusion matrix with a row for each true class and a column for each predicted one; zeros as dots."""
    width = max(len(str(table.max())), *map(len, classes))
    rows = ["true \\ taken for  " + " ".join(f"{name:>{width}}" for name in classes)]
    for name, counts in zip(classes, table, strict=True):
        rows.append(f"{name:>16}  " + " ".join(f"{count or '.':>{width}}" for count in counts))
    return "\n".join(rows)
