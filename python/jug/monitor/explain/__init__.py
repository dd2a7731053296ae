"""Why a task is as it is: its state, its key, and what differs from others that have results."""
