"""Links."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_WAS_MADE = sa.text("made_by IS NOT NULL")
_ENDS = sa.text("ended_at IS NOT NULL")


def upgrade() -> None:
    """Make their tables, empty."""
    op.create_table(
        "identity_link",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("target", _NUMBER, nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("maker", _TEXT, nullable=False),
        sa.Column("made_by", _TEXT, nullable=True),
        sa.Column("password", _TEXT, nullable=True),
        sa.Column("most_uses", _NUMBER, nullable=True),
        sa.Column("uses", _NUMBER, nullable=False),
        sa.Column("last_used", _NUMBER, nullable=True),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=True),
        sa.Column("revoked_at", _NUMBER, nullable=True),
        sa.Column("ended_at", _NUMBER, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made", _NUMBER, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("identity_link_holder", "identity_link", ["holder", "id"])
    op.create_index("identity_link_maker", "identity_link", ["maker", "id"])
    op.create_index(
        "identity_link_made_by", "identity_link", ["made_by", "id"], sqlite_where=_WAS_MADE, postgresql_where=_WAS_MADE
    )
    op.create_index(
        "identity_link_ended", "identity_link", ["ended_at", "id"], sqlite_where=_ENDS, postgresql_where=_ENDS
    )
    op.create_table(
        "identity_link_part",
        sa.Column("link_id", _TEXT, nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", _NUMBER, nullable=False),
        sa.Column("parts", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["identity_link.id"]),
        sa.PrimaryKeyConstraint("link_id", "mark"),
    )
