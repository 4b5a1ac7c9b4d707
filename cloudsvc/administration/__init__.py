"""Administration of a whole drive: verify, clean, export, import, back up, restore, count."""
