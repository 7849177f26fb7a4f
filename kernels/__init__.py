"""Room for native event-driven kernels behind JAX's foreign-function interface."""
