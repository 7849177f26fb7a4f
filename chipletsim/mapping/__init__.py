"""chipletsim mapping."""
