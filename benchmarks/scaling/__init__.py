"""What `benchmarks/scale.py` is made of: latencies, an event loop in virtual time, and a simulation on it."""
