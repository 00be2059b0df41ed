"""The reader's own shop: a folder of tables."""
