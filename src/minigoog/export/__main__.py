"""python -m minigoog.export --weights FILE OUTPUT: writes a trained network as a file for other systems.

  export --weights RUN net.onnx                       for ONNX Runtime, ...
  export --weights RUN net.safetensors --torchvision  GoogLeNet for PyTorch"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..cli import Parser, check_outputs, exit_codes, output_file, with_flags
from ..exporting import save_onnx, save_torchvision
from ..loading import load
from ..models import GoogLeNet
from ..text import printable

PROG = "python -m minigoog.export"


def parser(prog: str = PROG) -> Parser:
    """The flags."""
    p = Parser(prog=prog, usage=f"{prog} --weights FILE OUTPUT [flags]", description=(__doc__ or "").split(": ", 1)[1])
    p.add_argument("output", type=output_file, metavar="OUTPUT", help="the file: NAME.onnx, or NAME.safetensors with --torchvision")
    p.add_argument("--weights", required=True, metavar="FILE", help="the folder of a run, or any file of a network that minigoog opens")
    p.add_argument("--probabilities", action="store_true", help="also the class probabilities, as a second output")
    p.add_argument("--heads", action="store_true", help="also GoogLeNet's auxiliary heads, as further outputs")
    p.add_argument("--torchvision", action="store_true", help="the weights alone, as torchvision's GoogLeNet names them")
    return p


def export(flags: Namespace) -> None:
    """Writes the file that the flags ask for."""
    expected = ".safetensors" if flags.torchvision else ".onnx"
    if Path(flags.output).suffix.lower() != expected:
        raise ValueError(f"OUTPUT is '{printable(flags.output)}', expected a name that ends with {expected}")
    if flags.torchvision and (flags.heads or flags.probabilities):
        raise ValueError("--torchvision writes the weights alone, expected neither --heads nor --probabilities with it")
    model = load(flags.weights)
    check_outputs(flags, [model.path])
    if flags.torchvision:
        if not isinstance(model, GoogLeNet):
            raise ValueError(f"{printable(flags.weights)}: holds {type(model).__name__}, expected GoogLeNet for --torchvision")
        save_torchvision(model, flags.output)
    else:
        save_onnx(model, flags.output, probabilities=flags.probabilities, heads=flags.heads)
    print(f"{printable(flags.output)}: {Path(flags.output).stat().st_size / 1e6:.1f} MB")


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    p = parser(prog)
    flags = p.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    with exit_codes(p, reword=with_flags(input_size="--weights", heads="--heads")):
        export(flags)


if __name__ == "__main__":
    main()
