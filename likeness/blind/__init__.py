"""The blind test: friends see real scenes with two replies each, and say which is @self's."""
