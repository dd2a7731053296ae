"""`jug install-skills`: how to write jugfiles, as a folder that tools for writing code can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["SKILL_NAME", "InstallSkillsCommand", "bundled_skill_path", "install_skill", "install_skills"]

#: The name of the folder that is installed.
SKILL_NAME = "jug"
_MAIN_FILE = "SKILL.md"


def bundled_skill_path() -> str:
    """The folder that comes with the package."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(package, "skills", SKILL_NAME)


def install_skill(output: str, force: bool = False) -> str:
    """Copies the folder to `output`/jug.

    Parameters
    ----------
    output : str
        A directory; it is created if need be.
    force : bool, default False
        Whether a skill that is there already is replaced.

    Returns
    -------
    str
        Where it is now.

    Raises
    ------
    RuntimeError
        If there is something already, and `force` is not set or it is not a skill.
    OSError
        If it cannot be written.
    """
    import shutil
    import tempfile

    target = os.path.join(os.path.abspath(output), SKILL_NAME)
    if os.path.lexists(target):
        if not force:
            raise RuntimeError(f"{target} exists already; --force replaces it")
        if not os.path.isfile(os.path.join(target, _MAIN_FILE)):
            raise RuntimeError(f"{target} has no {_MAIN_FILE}, so it is not a skill; it was left untouched")
    os.makedirs(output, exist_ok=True)
    # Beside the target, so that a reader sees the old folder or the new one.
    with tempfile.TemporaryDirectory(dir=output, prefix=".jug-skill-") as beside:
        copy = os.path.join(beside, "new")
        shutil.copytree(bundled_skill_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
        if os.path.lexists(target):
            os.rename(target, os.path.join(beside, "old"))
        os.rename(copy, target)
    return target


class InstallSkillsCommand(SubCommand):
    """Install a description of jug for tools that write code"""

    name = "install-skills"
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "install_skills_output",
            ("--output",),
            None,
            metavar="DIR",
            help=f"where to install it, as DIR/{SKILL_NAME}",
        ),
        OptionSpec(
            "install_skills_force",
            ("--force",),
            False,
            help=f"replace DIR/{SKILL_NAME} if it is there already",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Copies the folder and says where it is; wrong usage (2) without --output."""
        if options.install_skills_output is None:
            raise UserError("jug install-skills needs --output DIR", status=2)
        try:
            target = install_skill(options.install_skills_output, options.install_skills_force)
        except RuntimeError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            where = error.filename or options.install_skills_output
            raise UserError(f"cannot install the skill in {where}: {error.strerror}") from None
        options.print_out(f"Installed the jug skill in {target}")
        return 0


install_skills = InstallSkillsCommand()
