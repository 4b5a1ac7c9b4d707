"""
Locks of the database by which processes agree, whichever machine they are on.

PostgreSQL calls them advisory: numbers that mean what an application says. This one has the database for itself, so
that they need not be told from those of others.
"""

from __future__ import annotations

from typing import Final

WRITING: Final = 1
"""Who has it writes. It is taken for a transaction."""

PRESENCE: Final = 2
"""Who has the catalogue open shares it; who migrates or replaces the catalogue has it alone. It is taken for longer."""

LEADING: Final = 3
"""Who has it does the background jobs of all. It is taken for as long as a connection lives."""
