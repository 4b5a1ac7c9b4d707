"""Measurement of what more workers, engines and files cost: ``python -m bench scale``."""
