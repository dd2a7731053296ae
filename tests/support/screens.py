"""What commands print."""


def screen(text: str) -> str:
    """What a table shows, without the blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.splitlines())
