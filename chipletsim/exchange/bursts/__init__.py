"""Burst files: a network of routers, finite traffic on it, and what BookSim recorded of it.

``read_burst`` gives what the timing models `cycle` and `queue` take, with names of what is in it.
"""
