"""Warns of public names that no page describes; with `-W` such a build fails."""

from __future__ import annotations

from typing import Any

from sphinx.util import logging

import jug_surface

_log = logging.getLogger(__name__)


def check(app: Any, env: Any) -> None:
    """Compares what the package offers with what was documented."""
    described = {name for name, *_ in env.domains.python_domain.get_objects()}
    for name in sorted((jug_surface.public_names() | jug_surface.public_modules()) - described):
        _log.warning("%s is public and described nowhere; see docs/api", name)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True}
