"""Makes a version: from a snapshot of the shop's tables to a model that is fitted, exported, calibrated and published.

Nothing here knows of the running service (lesson 08, section 1).
"""
