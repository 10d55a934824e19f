"""One script per claim about speed; each prints its figures beside the floor, from one run."""
