"""Passkeys, challenges that were signed, and the secret by which challenges are known."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make their tables, empty, and the secret."""
    op.create_table(
        "identity_passkey",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("host", _TEXT, nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", _NUMBER, nullable=False),
        sa.Column("is_synced", _NUMBER, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("used_at", _NUMBER, nullable=True),
        sa.Column("made", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential", name="identity_passkey_credential"),
    )
    op.create_index("identity_passkey_user", "identity_passkey", ["user_id", "id"])
    op.create_table(
        "identity_challenge",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("identity_challenge_expires", "identity_challenge", ["expires_at", "digest"])
    op.add_column("identity_state", sa.Column("seal", sa.LargeBinary(), nullable=True))
    # Of each store its own: no copy has that of another.
    state = sa.table("identity_state", sa.column("seal", sa.LargeBinary()))
    op.execute(state.update().values(seal=secrets.token_bytes(32)))
