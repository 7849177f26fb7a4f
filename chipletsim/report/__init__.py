"""chipletsim report."""
