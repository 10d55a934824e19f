"""What the gate decides by: the situation, the rules, names, scores, and what ends a wish to speak.

``bot.gate`` offers all of it.
"""
