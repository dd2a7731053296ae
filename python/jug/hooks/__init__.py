"""Hooks: functions of the user's that run at fixed moments of an execution."""

from .register import jug_hook, register_hook, register_hook_once, reset_all_hooks

__all__ = ["jug_hook", "register_hook", "register_hook_once", "reset_all_hooks"]
