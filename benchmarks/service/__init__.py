"""The proof of the service: speed, kills, half an hour of load."""
