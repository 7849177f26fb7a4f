"""chipletsim training."""
