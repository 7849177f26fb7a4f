"""The engine on native kernels: the same program as ``chipletsim.engine.program``, on CPUs.

Spikes travel as rows of bits, never as one value a neuron. ``layout`` says how the neurons of a
population are numbered inside, ``formats`` turns connections into compact arrays, ``plan``
writes down what a kernel call is to do, ``program`` runs a window.
"""
