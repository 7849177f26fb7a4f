"""Dense networks timed on the device that JAX has here, to stand beside what was modelled."""
