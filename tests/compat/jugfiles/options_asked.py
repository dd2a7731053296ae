"""Options and subcommands as objects."""
# run: @python try_options.py
# script: try_options.py
# file: jugrc = [main]\nverbose = quiet
