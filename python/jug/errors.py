"""The one exception that users see as a single line."""


class UserError(Exception):
    """Something the user can put right: the command line prints `jug: error: MESSAGE`.

    The message says what happened, to which task or file, and what to do about it. The exit status is 1.
    """


class PatternError(UserError, ValueError):
    """A --name or --pattern that cannot select tasks."""
