"""Files and folders: what they are, what may be done with them, and what doing it needs. No HTTP, no SQL, no disk."""
