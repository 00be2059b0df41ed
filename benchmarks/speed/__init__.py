"""How fast: panels, texts, training."""
