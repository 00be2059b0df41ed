"""Questions that are answered on simulated stores, by seed."""
