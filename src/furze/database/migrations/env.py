"""Alembic's entry: runs on the connection that `furze.database.migrate` hands in."""

from alembic import context

from furze.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
)
context.run_migrations()
