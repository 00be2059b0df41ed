"""The command line: the only roof, where the rooms of the package and the course's wing meet."""
