"""Shows how far a computation is while it goes on: lines, or tables on a terminal."""
