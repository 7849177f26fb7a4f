"""chipletsim noc."""
