"""What admins command from the chat itself, the same on every platform."""
