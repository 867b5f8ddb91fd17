"""What a test of furze, or of something built on it, starts from."""

from furze.testing.clock import FakeClock

__all__ = ["FakeClock"]
