"""Results in a dictionary, kept in a file between commands."""
# differs: 2 jug 2.7.0 fails to write the file when Python ends
# status-differs: 2 the same
# status-differs: 3 the same
# differs: 4 the same
# run: execute --jugdir dict_store:kept.jugdata
# run: status --jugdir dict_store:kept.jugdata
# run: check --jugdir dict_store:kept.jugdata
# run: invalidate --name item --jugdir dict_store:kept.jugdata
# run: status --jugdir dict_store:kept.jugdata
# run: execute --jugdir dict_store
# run: status --jugdir dict_store

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


items = [item(item(i)) for i in range(4)]
