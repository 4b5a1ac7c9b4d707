"""The catalogue in an SQLite database, which is also the format in which any catalogue is handed on."""
