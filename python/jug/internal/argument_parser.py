"""Parsers of command lines that lose nothing of what they print."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["ArgumentParser"]


class ArgumentParser(argparse.ArgumentParser):
    """One whose --help and --version fail where they cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            # argparse drops the error; what is kept back, and written at exit, fails there.
            print(message, end="")
        else:
            super()._print_message(message, file)
