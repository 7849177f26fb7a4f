"""Event recordings: read in pieces from files of several formats, and binned to time steps.

``open_events`` gives an `EventSource` of a file or folder; `bin_samples` turns it into spikes.
A format is one module with a class that has the methods of `EventSource`, and a line in
``chipletsim.exchange.events.formats``.
"""
