"""Decoder program: it is given bytes on standard input and nothing else."""
