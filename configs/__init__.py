"""Example files that users copy: packages, tiles, links, devices, networks, experiments, sweeps."""
