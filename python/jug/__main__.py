"""``python -m jug`` is the ``jug`` command."""

from .jug import main

main()
