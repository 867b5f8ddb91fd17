"""The model that the settings choose."""

import logging

from furze.kit.clock import Clock
from furze.llm.builtin import BuiltInAssistant
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
        return chosen_model("anthropic", model, api_key=anthropic_api_key)
    if google_api_key is not None:
        return chosen_model("google", model, api_key=google_api_key)
    if base_url is not None or api_key is not None:
        return chosen_model("openai", model, base_url=base_url, api_key=api_key)
    return BuiltInAssistant(clock)


def chosen_model(provider: str, model: str, *, base_url: str | None = None, api_key: str | None = None) -> Model:
    """A model of a provider: `openai` is whatever speaks its protocol at `base_url`, `anthropic`, or `google`."""
    # Each client brings an HTTP stack of its own, which a server without a model need not load.
    match provider:
        case "anthropic":
            from furze.llm.anthropic import AnthropicModel  # noqa: PLC0415

            return AnthropicModel(model, api_key=api_key or "", base_url=base_url or _ANTHROPIC)
        case "google":
            from furze.llm.google import GoogleModel  # noqa: PLC0415

            return GoogleModel(model, api_key=api_key or "", **({"base_url": base_url} if base_url else {}))
        case _:
            from furze.llm.openai import OpenAIModel  # noqa: PLC0415

            return OpenAIModel(model, api_key=api_key, base_url=base_url or _OPENAI)
