"""Your own cloud in one `twistd` command."""

__version__ = "0.2.0"
