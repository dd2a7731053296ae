"""The command line: which commands there are, what is parsed, and how a command is run."""
