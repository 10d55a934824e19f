"""A small strict Discord of our own on loopback: ``FakeDiscord`` in ``server``."""
