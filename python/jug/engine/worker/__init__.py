"""A worker: claims tasks, has them run, stores what they return, and waits for others."""
