"""What pytask loads: it registers the options and the configuration, which register the rest if need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytask import hookimpl

from . import config, options

if TYPE_CHECKING:
    from pluggy import PluginManager

__all__ = ["pytask_add_hooks"]


@hookimpl
def pytask_add_hooks(pm: PluginManager) -> None:
    """Registers the other modules."""
    pm.register(options)
    pm.register(config)
