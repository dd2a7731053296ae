"""What runs a jugfile: loading it, working through its tasks, and looking at where it stands."""
