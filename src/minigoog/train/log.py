"""What a run says while it runs."""

import importlib.util
import sys

from ..data.datasets import DIGITS

COLUMNS = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "lr", "seconds", "images_per_second")


class Log:
    """Prints a line for each epoch, and on a terminal one that counts the steps; adds each epoch to the run's metrics."""

    def __init__(self, run, model, train, test):
        self.run, self.terminal = run, sys.stdout.isatty()
        n = sum(p.size for p in model.parameters())
        print(f"{type(model).__name__}, {n:,} parameters, on {len(train):,} digits for training and {len(test):,} for testing")
        print(f"({DIGITS})\n")
        print("epoch   train loss  accuracy   test loss  accuracy   images/s", flush=True)

    def step(self, epoch, i, steps, loss):
        """After each step."""
        if self.terminal:
            print(f"\r{epoch + 1:5d}   {loss:10.4f}   step {i} of {steps} ", end="", flush=True)

    def epoch(self, *facts):
        """After each epoch; the facts are those of COLUMNS."""
        line = dict(zip(COLUMNS, facts, strict=True))
        self.run.add_metrics(line)
        print(
            f"{chr(13) if self.terminal else ''}{line['epoch']:5d}   {line['train_loss']:10.4f}  {line['train_accuracy']:8.2%}  "
            f"{line['test_loss']:10.4f}  {line['test_accuracy']:8.2%}  {line['images_per_second']:9,.0f}",
            flush=True,
        )

    def finished(self, result, classes):
        """At the end: accuracy, confusion table, where everything is."""
        print(f"\ntest accuracy {result.accuracy:.2%} after {result.seconds:.1f} s\n")
        print(confusion_text(result.confusion, classes))
        print(f"\n{result.folder}: config.json, metrics.jsonl, weights.safetensors", end="")
        if importlib.util.find_spec("matplotlib"):
            print(", curve.png")
        else:
            print("\n(no curve.png: pip install 'minigoog[plots]' draws it)")
        print(f"to use the weights:\n    weights, info = minigoog.formats.safetensors.load({str(self.run.weights)!r})")
        print("    model = minigoog.models.TinyInception().eval(); model.load_state_dict(weights)")


def confusion_text(table, classes):
    """The confusion matrix with a row for each true class and a column for each predicted one; zeros as dots."""
    width = max(len(str(table.max())), *map(len, classes))
    rows = ["true \\ taken for  " + " ".join(f"{name:>{width}}" for name in classes)]
    for name, counts in zip(classes, table, strict=True):
        rows.append(f"{name:>16}  " + " ".join(f"{count or '.':>{width}}" for count in counts))
    return "\n".join(rows)
