"""chipletsim engine."""
