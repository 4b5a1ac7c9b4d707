"""Alembic environment, on the connection that it was given."""

from alembic import context

from cloudsvc.storage.audit.schema import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    version_table=attributes["version_table"],
    # The tables of others in the same database are none of its business.
    include_name=lambda name, kind, _: kind != "table" or name in metadata.tables,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
