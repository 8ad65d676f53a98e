"""python -m minigoog.classify PHOTO... --weights FILE: names what is on photographs.

  classify cat.jpg --weights RUN                     the likeliest classes
  classify photos/ --weights net.onnx --csv out.csv  all images of a folder"""

import csv
import io
import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import figures
from ..cli import Parser, check_outputs, exit_codes, integer, output_file
from ..data.verify import skipped_lines
from ..files import atomic_write
from ..loading import TrainedModel
from ..loading import flags as weights
from ..parallel import Communicator
from ..parallel.deal import blocks
from ..parallel.together import ending_all, sharing_work
from ..text import printable
from .bars import Bars
from .evidence import MOST, draw
from .photographs import BATCH, Result, classify, photographs

PROG = "python -m minigoog.classify"
SHOWN = 20  # photographs: of more, each gets one line


def parser(prog: str = PROG) -> Parser:
    """The flags of the program."""
    p = Parser(prog=prog, usage=f"{prog} PHOTO... --weights FILE [flags]", description=(__doc__ or "").split(": ", 1)[1])
    p.add_argument("photos", nargs="+", metavar="PHOTO", help="images, and folders of images")
    p.add_argument("--weights", required=True, metavar="FILE", help="a run, a file of weights, or the name of public ones")
    p.add_argument("--top", type=integer(1), default=5, metavar="N", help="the N likeliest classes (default: 5)")
    p.add_argument("--json", type=output_file, metavar="FILE", help="writes the results to a file")
    p.add_argument("--csv", type=output_file, metavar="FILE", help="the same as a table")
    p.add_argument("--evidence", type=figures.output, metavar="FILE", help="draws where the evidence lies (png, svg, pdf)")
    p.add_argument("--skip-damaged", action="store_true", help="leave out files that are no images, and list them")
    p.add_argument("--threads", type=integer(1), metavar="N", help="threads of the C kernels (default: all cores)")
    weights.add_flags(p)
    return p


def run(flags: Namespace) -> None:
    """Classifies the photographs that the flags select."""
    with sharing_work("classify", flags.threads) as ranks:
        _run(flags, ranks)


def _run(flags: Namespace, ranks: Communicator) -> None:
    paths = photographs(flags.photos)
    check_outputs(flags, paths)
    if flags.evidence and len(paths) > MOST:
        raise ValueError(f"--evidence is of {len(paths):,} photographs, expected at most {MOST} for a figure")
    model = weights.load_with(flags, flags.weights)
    results = list(_shown(_shared(flags, model, paths, ranks), len(paths), bool(flags.json or flags.csv)))
    if ranks.rank:
        return
    found = [result for result in results if result.ranking is not None]
    if flags.json:
        _write_json(flags, results)
    if flags.csv:
        _write_csv(flags.csv, found)
    if flags.evidence and found:
        draw(model, [result.path for result in found], [result.ranking or [] for result in found], flags.evidence)
    for written in filter(None, (flags.json, flags.csv, flags.evidence if found else None)):
        print(f"{printable(written)}: {len(found):,} photograph{'s' * (len(found) != 1)}")
    if flags.evidence and not found:
        print(f"{printable(flags.evidence)}: not drawn, no photograph is left")
    if flags.skip_damaged:
        print("\n".join(skipped_lines([result.path for result in results if result.ranking is None])))


def _shared(flags: Namespace, model: TrainedModel, paths: Sequence[Path], ranks: Communicator) -> Iterator[Result]:
    """The results of all photographs, in their order; of several processes each computes some of the batches."""
    own = blocks(len(paths), BATCH, ranks)[ranks.rank]
    found = classify(model, paths[own.start : own.stop], flags.top, flags.skip_damaged)
    return found if ranks.size == 1 else (result for each in ranks.gather("the photographs", list(found)) for result in each)


def _shown(results: Iterator[Result], n: int, written: bool) -> Iterator[Result]:
    """The results, each printed as it comes: with bars if they are few, else on a line; counted if they go to a file."""
    bars, began = Bars(), time.perf_counter()
    for i, result in enumerate(results, start=1):
        if n <= SHOWN:
            print(bars.block_of(result), flush=True)
        elif not written:
            print(bars.line_of(result))
        elif sys.stderr.isatty() and (i % 16 == 0 or i == n):
            rate = i / (time.perf_counter() - began)
            print(f"\r{i:,} of {n:,} photographs, {rate:,.0f}/s ", end="\n" * (i == n), file=sys.stderr, flush=True)
        yield result


def _write_json(flags: Namespace, results: Sequence[Result]) -> None:
    images = [
        {"file": str(path), "top": [{"class": name, "probability": p} for name, p in ranking]} for path, ranking, _ in results if ranking
    ]
    skipped = [{"file": str(path), "fault": fault} for path, ranking, fault in results if ranking is None]
    with atomic_write(flags.json) as file:
        file.write(json.dumps({"weights": flags.weights, "images": images, "skipped": skipped}, indent=2).encode() + b"\n")


def _write_csv(path: str, found: Sequence[Result]) -> None:
    """A row for each photograph: its file, then class and probability of each rank."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    ranks = len(found[0].ranking or []) if found else 0
    table.writerow(["file", *(f"{what} {rank}" for rank in range(1, ranks + 1) for what in ("class", "probability"))])
    for result in found:
        table.writerow([result.path, *(cell for name, p in result.ranking or [] for cell in (name, f"{p:.6g}"))])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 1 too little memory, 2 wrong flags or files, 130 stopped."""
    p = parser(prog)
    flags = p.parse_args(arguments)
    with ending_all(), exit_codes(p):
        run(flags)


if __name__ == "__main__":
    main()
