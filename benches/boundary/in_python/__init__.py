"""What bench.py measures: the Python package, its alternatives, and both in turns."""
