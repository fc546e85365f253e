"""What bench.py measures: the Python package, what people write instead of it, and both in turns."""
