"""The model at work: ``release`` makes versions, ``live`` serves them (lesson 08)."""
