"""Memory: what was said before, found when it matters."""
