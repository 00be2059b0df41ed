"""The reader's own shop: a folder of tables (lesson 00, section 6)."""
