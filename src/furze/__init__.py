"""furze: an analytics environment server that speaks the PostHog API, in one process."""

__version__ = "0.1.0"
