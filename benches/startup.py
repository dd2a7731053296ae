"""What `import jug` costs beyond Python itself, and which libraries it drags in."""

from pathlib import Path

from benches import common
from benches.common import OURS, Row

RUNS = 11
NOT_IMPORTED = ("numpy", "redis", "polars", "pandas", "IPython", "yaml", "rich")


def import_cost(python: Path) -> float:
    """CPU milliseconds of `import jug` beyond those of an empty program, by medians of runs in turns."""
    empty, imported = common.alternate(
        RUNS,
        lambda: common.run([python, "-c", "pass"], common.ROOT),
        lambda: common.succeed(common.run([python, "-c", "import jug"], common.ROOT)),
    )
    return 1000 * (common.median(r.cpu for r in imported) - common.median(r.cpu for r in empty))


def dragged_in(python: Path) -> list[str]:
    """Which of the libraries that only some jugfiles need are there after `import jug`."""
    program = f"import jug, sys; print(*[name for name in {NOT_IMPORTED!r} if name in sys.modules])"
    return common.succeed(common.run([python, "-c", program], common.ROOT)).stdout.split()


def main() -> list[Row]:
    """Measures both packages."""
    reference = common.reference()
    imported = [", ".join(dragged_in(python)) or "none" for python in (reference, OURS)]
    return [
        Row("import jug, CPU", import_cost(reference), import_cost(OURS), "ms"),
        Row("numpy, redis and the like it imports", *imported, ""),
    ]
