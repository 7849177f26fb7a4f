"""Live modules of snnTorch as networks."""
