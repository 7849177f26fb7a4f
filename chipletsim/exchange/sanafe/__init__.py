"""SANA-FE's architectures and networks as packages, networks and mappings.

SANA-FE: J. A. Boyle et al., "SANA-FE: Simulating Advanced Neuromorphic Architectures for Fast
Exploration", IEEE TCAD 44(8):3165-3178, 2025. Formats and meaning are those of release 2.2.9.
"""
