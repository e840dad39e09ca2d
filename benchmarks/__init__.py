"""Benchmarks: each prints ratios measured in one run (docs/performance.md). `make bench` runs them all."""
