"""Columns for what one number said of a freeze: until when, whether the drive is about to arrive, where it has gone."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ARRIVING = 2**61
"""The moment that said that the drive was about to arrive."""

FOR_GOOD = 2**62 - 2**32
"""The moment from which on one said that the drive had moved; what it had beyond that was its successor's epoch."""

state = sa.table("state", *(sa.column(name) for name in ("frozen_until", "arriving", "successor")))


def upgrade() -> None:
    """Freeze it for what it was frozen for."""
    text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.add_column("state", sa.Column("arriving", number, nullable=False, server_default=sa.text("0")))
    op.add_column("state", sa.Column("successor", text, nullable=False, server_default=sa.text("''")))
    arriving = sa.update(state).where(state.c.frozen_until == ARRIVING)
    op.execute(arriving.values(frozen_until=0, arriving=1))
    moved = sa.select(state.c.frozen_until).where(state.c.frozen_until >= FOR_GOOD)
    for (until,) in op.get_bind().execute(moved).fetchall():
        left = sa.update(state).where(state.c.frozen_until == until)
        op.execute(left.values(frozen_until=0, successor=f"{until - FOR_GOOD:08x}"))
