"""Questions that are answered on a real shop beside simulated ones."""
