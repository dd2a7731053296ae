"""What jug 2.x wrote: its keys, its jugdirs, and the way of results from there to here and back."""
