"""Data sets that others have published, and the two real shops among them."""
