"""Runs lessons from the command line and reports what they show."""
