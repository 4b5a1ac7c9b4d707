"""Domain of files and folders: values, use-cases, and ports of their storage. No HTTP, no SQL, no disk."""
