"""Files to run the service with: for containers, for systemd, and a proxy before it."""
