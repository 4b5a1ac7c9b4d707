"""
Thumbnails of untrusted bytes: each made in a process of its own, with little of everything, and kept on disk.

Nothing is imported here: the program that decodes starts in this package, and is to start quickly.
"""
