"""The tests under every CPython that this machine has, or that Debian has for it."""
