"""What is wrong with a query, where it can be said."""

from furze.hogql.errors import HogQLError
from furze.platform.errors import InvalidInput


class InvalidQuery(InvalidInput):
    """The query is not valid HogQL."""

    code = "hogql_error"

    def __init__(self, error: HogQLError) -> None:
        super().__init__(error.message, attr="query")
        self.start, self.end = error.start, error.end

    def envelope(self) -> dict[str, object]:
        """The usual envelope; `extra` says which characters of the text are meant."""
        return {**super().envelope(), "extra": {"start": self.start, "end": self.end}}
