"""The models at hand: bases to start from, and the versions made from them."""
