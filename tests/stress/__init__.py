"""What the engine costs and survives, counted rather than timed: the small sisters of benches/."""
