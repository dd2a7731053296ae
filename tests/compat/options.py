"""Prints, as JSON, the options of every command of the running interpreter's jug.

    PYTHON tests/compat/options.py

The result maps a command ("" for what comes before one) to its options, and these to their defaults.
"""

from __future__ import annotations

import argparse
import json
import os
import sys


def describe_options() -> dict[str, dict[str, str]]:
    """The long form of every option by command, with the default that the parser itself has."""
    from jug.options import build_parser

    parser = build_parser()
    described = {"": own_options(parser)}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            described |= {name: own_options(command) for name, command in action.choices.items()}
    return described


def own_options(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The options of one parser."""
    named = [action for action in parser._actions if action.option_strings]
    return {max(action.option_strings, key=len): repr(action.default) for action in named}


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    json.dump(describe_options(), sys.stdout, indent=1, sort_keys=True)
    print()
