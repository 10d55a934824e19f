"""Scripts that make what ships with the code: each can be run again, and says on what."""
