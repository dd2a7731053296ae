"""`jug webstatus`: a page that shows how a computation goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import SubCommand

if TYPE_CHECKING:
    import argparse

__all__ = ["WebStatusCommand", "template", "webstatus"]

#: The page's HTML, the same for every computation: what it shows is asked for by its script.
template: str


def __getattr__(name: str) -> Any:
    # `jug --help` imports every subcommand: what serves the page can wait.
    if name == "template":
        from ..web.server import page

        return page("index.html").decode()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class WebStatusCommand(SubCommand):
    """Show a web page on which the tasks' states change as they do"""

    name = "webstatus"
    needs_jugfile = False

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Serves the page until Ctrl-C; returns 130 then."""
        from ..web import serve

        return serve(options)

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds the options."""
        parser.add_argument(
            "--port",
            dest="webstatus_port",
            type=int,
            help="the port to listen on (default: 8080); 0 takes a free one",
        )
        parser.add_argument(
            "--ip",
            dest="webstatus_ip",
            help="the address to listen on (default: localhost); 0.0.0.0 lets everyone look who can reach "
            "this machine",
        )

    def parse_defaults(self) -> dict[str, Any]:
        """Port 8080, for this machine only."""
        return {"webstatus_port": 8080, "webstatus_ip": "localhost"}


webstatus = WebStatusCommand()
