"""A jugfile without tasks."""
# run: status
# run: execute
# run: status
# run: status --short
# run: check
# run: count
# run: invalidate --name x
# run: cleanup
# run: sleep-until
