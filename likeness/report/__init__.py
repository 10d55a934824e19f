"""One page on how like @self the persona is, of whatever was measured so far."""
