"""Serves the version in force: event log, live state, routes, drift, retraining (lesson 08, section 2)."""
