"""Your own cloud in one `twistd` command."""

__version__ = "0.1.0"
