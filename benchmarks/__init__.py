"""Speed and memory, measured: `python -m benchmarks NAME [--pairs N]`; each writes docs/benchmarks/NAME.json."""
