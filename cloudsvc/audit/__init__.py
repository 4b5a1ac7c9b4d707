"""The audit: who did what, by which credential and from where, what was refused, and what shows alterations."""
