"""Rehearsals: the whole bot answers where @self answered, seeing only what was said before.

``period`` what is held out, ``scenes`` the moments to speak at, ``gating`` when the bot would have
spoken, ``casting`` who speaks, ``models`` and ``rules`` how, ``rehearse`` all of it.
"""
