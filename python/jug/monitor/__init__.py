"""Looks at a computation from outside: where it stands, who works on it, when it will be done."""
