"""Discord, over discord.py: ``bot.platforms.discord.platform`` holds the platform itself.

Nothing is imported here, so that what needs no library (``writing``, ``marks``) stays light.
"""
