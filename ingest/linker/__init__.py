"""Who answers whom: a small learned model over what is seen of two messages and those around them.

``columns`` turns messages into numbers as they come, ``pairs`` and ``first`` compare a message with
each of those before it, ``network`` scores the pairs, ``second`` looks at what that found around
each pair, and a second set of networks decides. ``finder`` is the stream through all of it.
How the weights came to be, and what they score: README.md beside this file.
"""
