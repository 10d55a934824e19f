"""From exports to an archive of labelled messages, and from there to windows to learn from."""
