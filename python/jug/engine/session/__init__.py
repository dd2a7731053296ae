"""Sessions: results and claims of many tasks at a time, whichever store they are in."""
