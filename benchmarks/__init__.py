"""Speed and memory, measured side by side with bare baselines on the same machine: `make bench`."""
