"""Benchmarks. Each `bench_NAME.py` runs alone (`python -m bench.bench_NAME [--json]`), says what is excluded, and prints
a hash of its result."""
