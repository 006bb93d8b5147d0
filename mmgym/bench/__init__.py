"""Benchmarks: an agent on a suite of instances, what came out, and how sure that is."""
