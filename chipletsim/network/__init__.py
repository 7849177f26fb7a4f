"""chipletsim network."""
