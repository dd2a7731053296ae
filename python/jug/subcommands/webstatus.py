"""`jug webstatus`: a page that shows how a computation goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..configuration import Options

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
    option_specs = (
        OptionSpec(
            "webstatus_port",
            ("--port",),
            8080,
            type=int,
            help="the port to listen on (default: 8080); 0 takes a free one",
        ),
        OptionSpec(
            "webstatus_ip",
            ("--ip",),
            "localhost",
            help="the address to listen on (default: localhost); 0.0.0.0 lets everyone look who can reach "
            "this machine",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Serves the page until Ctrl-C; returns 130 then."""
        from ..web import serve

        return serve(options)


webstatus = WebStatusCommand()
