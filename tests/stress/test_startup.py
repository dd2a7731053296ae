"""What `import jug` drags in."""

from pathlib import Path

from benches import common, startup
from benches.common import OURS


def test_import_jug_imports_no_library_that_only_some_jugfiles_need() -> None:
    """Neither numpy nor redis nor any other large library."""
    assert startup.dragged_in(OURS) == []


def test_import_jug_starts_no_thread_and_creates_no_file(tmp_path: Path) -> None:
    """Importing is without consequences."""
    program = "import jug, os; print(len(os.listdir('/proc/self/task')))"
    done = common.succeed(common.run([OURS, "-c", program], tmp_path))
    assert done.stdout.split() == ["1"]
    assert list(tmp_path.iterdir()) == []
