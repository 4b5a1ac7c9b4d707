"""The catalogue in a PostgreSQL database, which several processes on several machines may have open."""
