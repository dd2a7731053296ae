"""Notebooks, run in a real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

__all__ = ["Shown", "run_cells"]

#: What is printed, shown and raised by a cell.
Shown = tuple[str, str, str]


def run_cells(folder: Path, *cells: str) -> list[Shown]:
    """Runs cells, one after the other, in a kernel of their own, in this folder."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=100, kernel_name="python3", allow_errors=True, resources=resources
    ).execute()
    return [_shown(cell.outputs) for cell in notebook.cells]


def _shown(outputs: list[dict]) -> Shown:
    printed = "".join(it["text"] for it in outputs if it["output_type"] == "stream")
    values = "".join(it["data"]["text/plain"] for it in outputs if it["output_type"] == "execute_result")
    raised = "\n".join(line for it in outputs for line in it.get("traceback", ()))
    return printed, values, re.sub(r"\x1b\[[0-9;]*m", "", raised)
