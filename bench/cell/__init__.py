"""
A model of a cell: nodes, one PostgreSQL with a standby, one bucket, one Redis, simulated event by event.

``python -m bench cell`` tells what it carries, out of the figures that ``python -m bench scale`` has measured.
"""
