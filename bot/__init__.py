"""The live side: from a line in a group chat to a reply as @self."""
