"""chipletsim sweep."""
