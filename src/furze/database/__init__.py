"""The relational database: SQLite in the data folder, or PostgreSQL for teams that outgrow one machine."""

from furze.database.connection import Database
from furze.database.outage import outage
from furze.database.schema import UTCDateTime, json_type, metadata

__all__ = ["Database", "UTCDateTime", "json_type", "metadata", "outage"]
