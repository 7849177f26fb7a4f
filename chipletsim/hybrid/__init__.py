"""Spikes where bits are dear: encoders and decoders at the die boundaries of a dense network."""
