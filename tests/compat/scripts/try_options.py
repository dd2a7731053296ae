"""Options, where they come from, and the commands behind them."""

import argparse
import io
import os

from jug import options, subcommands
from jug.jug_version import CITATION
from jug.options import Options, default_options

defaults = default_options.copy()
own = Options(defaults)
own.jugfile = "other.py"
own.update({"verbose": "info"})
print(own.jugfile, own.verbose, own.aggressive_unload, default_options.jugfile, own.copy().jugfile)
print(options.key_to_option("keep-going"), options.key_to_option("a_b"))
read = options.read_configuration_file(io.StringIO("[main]\njugdir=elsewhere\n[execute]\nnr-wait-cycles=3\n"))
print(read.jugdir, read.execute_nr_wait_cycles, type(read.execute_nr_wait_cycles).__name__)
print([os.path.basename(name) for name in options.find_local_configuration_files()])
loaded = options.load_default_options(Options(None))
print(loaded is None or hasattr(loaded, "jugdir"))
parsed = options.parse(["execute", "--keep-going", "some.py", "--", "--mine"])
print(parsed.jugfile, parsed.execute_keep_going)
parser = options.build_parser()
print(isinstance(parser, argparse.ArgumentParser))
common = argparse.ArgumentParser()
options.add_common_options(common)
print(common.parse_args(["--short", "--jugdir", "here"]).jugdir)
options.set_jugdir(None)

api = subcommands.cmdapi
print(isinstance(api, subcommands.SubCommandManager), CITATION == subcommands.CITATION, "Coelho" in CITATION)


class Greet(subcommands.SubCommand):
    """Says hello."""

    name = "greet"

    def run(self, whom="you", *args, **kwargs):
        print("hello", whom)

    def parse(self, parser):
        parser.add_argument("--whom", dest="greet_whom", default=None)

    def parse_defaults(self):
        return {"greet_whom": "nobody"}


Greet()
print(api.get("greet").name, issubclass(Greet, subcommands.SubCommand))
api.run("greet", "world")
print(api.update_defaults("greet"))
try:
    api.get("no-such-command")
except subcommands.NoSuchCommandError as error:
    print(type(error).__name__, isinstance(error, Exception))
print(issubclass(subcommands.SubCommandError, Exception), issubclass(subcommands.SubCommandDict, dict))
known = subcommands.SubCommandDict()
known.load_commands()
wanted = (
    "check cleanup count demo execute graph install-skills invalidate pack shell sleep-until status webstatus"
)
print([name for name in wanted.split() if api.get(name).name != name])
