"""chipletsim tiles."""
