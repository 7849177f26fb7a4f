"""chipletsim spec."""
