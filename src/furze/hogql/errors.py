"""What is wrong with a query, and where."""


class HogQLError(Exception):
    """A HogQL text that cannot be parsed or compiled; `start` and `end` are character offsets into it."""

    def __init__(self, message: str, *, start: int | None = None, end: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
