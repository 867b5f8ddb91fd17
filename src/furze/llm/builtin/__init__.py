"""The built-in query reader: no language model, no network, no guessing.

It reads a question with rules and a lexicon, asks the same tools any model asks, and says how it read the question.
"""

from furze.llm.builtin.assistant import BuiltInAssistant

__all__ = ["BuiltInAssistant"]
