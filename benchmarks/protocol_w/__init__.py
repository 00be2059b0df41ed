"""Protocol W: weekly sales of Online Retail II, networks and ensembles against peers."""
