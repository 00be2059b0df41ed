"""Makes decisions from a shop's tables: glue between stores, forecasters, effects and the pure functions of this room.

A file a decision, each with one function ``(store, options) -> Decision``; ``weeks`` makes what all of them begin with.
The registry (``ecomlib.decisions.registry``) knows them by name, ``ecomlib decide`` calls them.
"""
