"""From new messages to a better model: trained, judged, rehearsed, and let serve only if better."""
