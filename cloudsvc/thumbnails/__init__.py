"""
Thumbnails of untrusted bytes: each made in a limited process of its own, and kept on disk.

Nothing is imported here: the program that decodes starts in this package, and is to start quickly.
"""
