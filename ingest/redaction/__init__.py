"""Secrets in text become typed placeholders before anything can learn or show them."""
