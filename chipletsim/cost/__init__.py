"""chipletsim cost."""
