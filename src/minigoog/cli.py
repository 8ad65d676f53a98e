"""What the command lines of all programs have in common."""

import argparse
import sys


class Parser(argparse.ArgumentParser):
    """An argparse parser that says what is wrong in one line, and exits with 2."""

    def error(self, message):
        print(f"{self.prog}: {message} (--help shows all flags)", file=sys.stderr)
        sys.exit(2)
