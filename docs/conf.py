"""How Sphinx builds these pages: `./dev docs`, or `sphinx-build -W --keep-going -n docs docs/_build`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import jug  # noqa: E402 (after the path)

project = "jug-rs"
author = "the authors of jug-rs"
project_copyright = author
version = release = jug.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "command_reference",
    "completeness",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"jug-rs {release}"
html_copy_source = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Names in single backticks, as docstrings write them, are code.
default_role = "code"
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True
# Everything that this package documents must be found. What stands in annotations only is not looked up:
# names of the standard library (no build depends on other people's servers), type variables, names that
# exist for type checkers. Nor are classes that are no contract, such as those of the native half.
nitpick_ignore_regex = [
    ("py:.*", r"(?!jug\.).*"),
    ("py:class", r"jug\._native\..*|jug\.hash\._H|jug\.internal\.dependencies\._Task"),
    ("py:class", r"jug\.engine\.task_state\.TaskState|jug\.internal\.argument_parser\.ArgumentParser"),
    ("py:class", r"jug\.runforrest\.(deferred\.Deferred|run\.Run)"),
    (
        "py:(class|obj)",
        r"jug\.jobslib\.(oneinstance\.leased|liveness\.stamps|backend)\..*"
        r"|jug\.jobslib\.(context\._T|config\._BackendConfig|given\.Given)",
    ),
    ("py:class", r"jug\.backends\.(redis_store\.KnownWorker|native_store\.native_store)"),
]


def list_new_pages(app, docname, source):
    """Puts pages that index.md does not name at the end of the guide, so that adding one takes one file."""
    if docname == "index":
        named = set(source[0].split())
        pages = sorted(page.stem for page in HERE.glob("*.md"))
        new = [page for page in pages if page != "index" and page not in named]
        source[0] = source[0].replace("% new pages", "\n".join(new))


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", list_new_pages)
