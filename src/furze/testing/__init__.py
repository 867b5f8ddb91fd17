"""What a test of furze, or of something built on it, starts from."""

from furze.testing.clock import FakeClock
from furze.testing.model import Gate, ScriptedModel

__all__ = ["FakeClock", "Gate", "ScriptedModel"]
