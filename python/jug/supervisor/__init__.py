"""Workers as children of one command: started, watched, replaced, and counted together."""
