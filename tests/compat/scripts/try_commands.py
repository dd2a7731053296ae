"""The commands as classes, and what they are made of."""

import os
import shutil

from jug.backends.base import base_lock
from jug.backends.dict_store import dict_lock
from jug.internal.debugger import debug_exception
from jug.jug import main, main_execute
from jug.subcommands import (
    SubCommand,
    check,
    cleanup,
    count,
    demo,
    execute,
    graph,
    install_skills,
    internal_validation,
    invalidate,
    pack,
    shell,
    status,
    webstatus,
)

for command in (
    check.CheckCommand,
    check.SleepUntilCommand,
    cleanup.CleanupCommand,
    count.CountCommand,
    demo.DemoCommand,
    execute.ExecuteCommand,
    graph.GraphCommand,
    install_skills.InstallSkillsCommand,
    internal_validation.InternalValidationCommand,
    invalidate.InvalidateCommand,
    pack.PackCommand,
    shell.ShellCommand,
    status.StatusCommand,
    webstatus.WebStatusCommand,
):
    print(command.__name__, command.name, issubclass(command, SubCommand))
for one in (check.sleep_until, install_skills.install_skills, internal_validation.internal_validation):
    print(one.name, isinstance(one, SubCommand))
print(install_skills.SKILL_NAME, os.path.exists(str(install_skills.bundled_skill_path())))
print(issubclass(dict_lock, base_lock), isinstance(webstatus.template, str), "<" in webstatus.template)
print(callable(debug_exception), callable(main), callable(main_execute), isinstance(status.TaskStatus, type))
install_skills.install_skill("installed")
print(sorted(os.listdir("installed")))
shutil.rmtree("installed")
