"""Own writings: documents to passages in the archive, and questions and answers about them."""
