"""chipletsim train."""
