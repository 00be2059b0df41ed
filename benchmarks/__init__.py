"""What takes longer than a lesson may run: ``python -m benchmarks.FOLDER.SCRIPT`` from the checkout (see README.md)."""
