"""Benchmarks: how fast the server answers, and how that grows. See docs/performance."""
