"""Every setting: read once from `FURZE_…` environment variables and the command line, then handed down as values."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one server. Each has a default; `furze serve` needs none."""

    model_config = SettingsConfigDict(env_prefix="FURZE_", frozen=True, extra="ignore")

    data: Path = Field(default=Path("furze-data"), description="The folder that holds everything furze stores.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, description="The port to listen on; 0 takes a free one.")
    database_url: str | None = Field(
        default=None,
        description="A PostgreSQL URL for metadata and the ingest queue, instead of SQLite in the data folder.",
    )
    clickhouse_url: str | None = Field(
        default=None, description="A ClickHouse URL, with its credentials, instead of the embedded event store."
    )
    personal_api_key: str | None = Field(
        default=None, description="The first personal API key, taken at the first start instead of a random one."
    )
    project_api_key: str | None = Field(
        default=None, description="The first project API key, taken at the first start instead of a random one."
    )
    secret_key: str | None = Field(
        default=None,
        description="The key that encrypts stored credentials; without it, `secret.key` in the data folder is.",
    )
    query_timeout_seconds: int = Field(default=60, description="How long a query may run.")
    query_memory_bytes: int = Field(default=4_000_000_000, description="How much memory a query may use.")
    export_webhook_url: str | None = Field(
        default=None, description="Where to post a JSON notice when a run of an export ends or an export is paused."
    )
    export_private_addresses: bool = Field(
        default=True,
        description="Whether exports and projects' models may be at private addresses; at metadata addresses never.",
    )
    export_folders: tuple[Path, ...] = Field(
        default=(), description="The folders exports may write to, as a JSON list; without it, any absolute path."
    )
    capture_own_use: bool = Field(
        default=True,
        description="Whether the console captures how it is used, into the project `furze` of this server.",
    )
    llm_base_url: str | None = Field(
        default=None, description="An OpenAI-compatible endpoint for the assistant, such as http://localhost:11434/v1."
    )
    llm_api_key: str | None = Field(default=None, description="The key for `llm_base_url`.")
    llm_model: str | None = Field(
        default=None, description="The model to ask for; none means the built-in assistant answers."
    )
    anthropic_api_key: str | None = Field(default=None, description="A key for Anthropic's API, used with `llm_model`.")

    google_api_key: str | None = Field(
        default=None, description="A key for Google's Gemini API, used with `llm_model`."
    )

    @property
    def resolved_database_url(self) -> str:
        """Where metadata lives."""
        return self.database_url or f"sqlite:///{self.data / 'furze.db'}"

    @property
    def queue_url(self) -> str:
        """Where the ingest queue lives: a SQLite file of its own, so that capture never waits for metadata."""
        return self.database_url or f"sqlite:///{self.data / 'queue.db'}"
