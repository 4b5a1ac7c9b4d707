"""The program that decodes: it is given bytes on standard input and nothing else."""
