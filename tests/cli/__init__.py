"""The command line as a user sees it: what is typed, what is on the screen, the exit status."""
