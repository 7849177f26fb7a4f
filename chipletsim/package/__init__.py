"""chipletsim package."""
