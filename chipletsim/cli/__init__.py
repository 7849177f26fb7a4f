"""chipletsim cli."""
