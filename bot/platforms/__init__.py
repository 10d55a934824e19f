"""Where conversations happen: the terminal now, group chat services beside it."""
