"""What pytask loads."""

from importlib import metadata as _metadata

from pytask import Session, console, hookimpl

from jug.pytask_parallel.plugin import pytask_add_hooks as _add_hooks


@hookimpl
def pytask_add_hooks(pm):
    """Registers the modules of `jug.pytask_parallel`."""
    _add_hooks(pm)


@hookimpl
def pytask_log_session_header(session: Session) -> None:
    """Says that this is not the other package of the same name, if that is installed as well."""
    try:
        version = _metadata.version("pytask-parallel")
    except _metadata.PackageNotFoundError:
        return
    console.print(
        f"pytask_parallel is that of jug-rs-pytask; pytask-parallel {version} is installed as well and not "
        "in use."
    )
