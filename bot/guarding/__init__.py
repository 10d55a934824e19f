"""How what serves fares: counted from what went out, weighed, and taken back where it is worse."""
