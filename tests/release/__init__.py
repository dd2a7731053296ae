"""What is given to an index, and how it is built."""
