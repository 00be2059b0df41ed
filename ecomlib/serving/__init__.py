"""The model at work: versions on disk, drift, and later the service itself (lesson 08, section 1)."""
