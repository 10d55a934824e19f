"""Who answers whom: a small learned model over what is seen of two messages and those around them.

``columns`` turns messages into numbers as they come, ``pairs`` and ``first`` compare a message with
each of those before it, ``network`` scores the pairs, ``second`` looks at what that found around
each pair, and a second set of networks decides. ``finder`` is the stream through all of it, what
both ways through a chat keep is in ``stream``. ``live`` asks about the newest message: ``ranking``
says what it answers, ``learning`` fits that to a chat's own replies, ``belonging`` says what is of
its conversation.
How the weights came to be, and what they score: README.md beside this file.
"""
