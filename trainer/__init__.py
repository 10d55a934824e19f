"""From a dataset to a model that speaks as @self: learn, merge, convert, check, register."""
