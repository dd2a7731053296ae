"""The commands as classes."""
# run: @python try_commands.py
# script: try_commands.py
