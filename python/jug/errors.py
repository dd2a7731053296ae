"""The one exception that users see as a single line."""


class UserError(Exception):
    """Something the user can put right: the command line prints `jug: error: MESSAGE` and exits.

    Parameters
    ----------
    message : str
        What happened, to which task or file, and what to do about it.
    status : int, optional
        Exit status: 1 (the default) for bad input, 2 for wrong usage.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class PatternError(UserError, ValueError):
    """A --name or --pattern that cannot select tasks."""
