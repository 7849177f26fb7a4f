"""chipletsim baseline."""
