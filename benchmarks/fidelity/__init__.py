"""Figures of chipletsim beside those of the tools and papers that it follows."""
