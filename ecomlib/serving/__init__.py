"""The model in production: ``release`` makes versions, ``live`` serves them (lesson 08)."""
