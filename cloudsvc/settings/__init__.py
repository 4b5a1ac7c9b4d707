"""The configuration: where it lives, what it may say, and from where each value came."""
