"""The model that the settings choose."""

import logging

from furze.kit.clock import Clock
from furze.llm.anthropic import AnthropicModel
from furze.llm.builtin import BuiltInAssistant
from furze.llm.google import GoogleModel
from furze.llm.openai import OpenAIModel
from furze.llm.types import Model

log = logging.getLogger(__name__)

_OPENAI = "https://api.openai.com/v1"
_ANTHROPIC = "https://api.anthropic.com"


def configured_model(
    clock: Clock,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    anthropic_api_key: str | None = None,
    google_api_key: str | None = None,
) -> Model:
    """The model to ask; the built-in assistant when no `model` is named or there is nowhere to ask it."""
    if model is None:
        if base_url or api_key or anthropic_api_key or google_api_key:
            log.warning("a model's address or key is set, but not FURZE_LLM_MODEL: the built-in assistant answers")
        return BuiltInAssistant(clock)
    if anthropic_api_key is not None:
        return AnthropicModel(model, api_key=anthropic_api_key, base_url=_ANTHROPIC)
    if google_api_key is not None:
        return GoogleModel(model, api_key=google_api_key)
    if base_url is not None or api_key is not None:
        return OpenAIModel(model, api_key=api_key, base_url=base_url or _OPENAI)
    return BuiltInAssistant(clock)
