"""What keeps a store in order beside the work: what is removed, and what is checked."""
