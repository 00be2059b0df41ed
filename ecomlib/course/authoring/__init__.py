"""Tools of lesson authors: the rules of a notebook, its execution, its address, its quiz."""
