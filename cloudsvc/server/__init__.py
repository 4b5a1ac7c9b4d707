"""The server as a whole: its parts put together, its start and its stop."""
