"""Settings, errors, and what every command shares."""
