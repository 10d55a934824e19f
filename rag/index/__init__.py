"""The index: passages, their vectors, and how both follow the archive."""
