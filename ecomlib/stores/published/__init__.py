"""Data sets that others have published, and the two real shops among them (lesson 00, section 6)."""
