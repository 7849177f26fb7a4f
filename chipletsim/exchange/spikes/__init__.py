"""Spikes out, and in again: event lists in .npz files, and the data classes of NIR.

``save_spikes`` writes what other tools can read with NumPy alone, ``load_spikes`` reads it and
what `Activity.save` wrote; ``open_spikes`` reads either sample by sample.
"""
