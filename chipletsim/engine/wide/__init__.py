"""Networks in double precision: IEEE arithmetic in one order, whatever computes it.

Membranes, currents and weights are float64. The current of a neuron is the sum of its synaptic
events one after the other, from zero: those of longer delays, which were sent earlier, first;
of one step in the order of their sources (``Network.summation_rank``, or the neurons' own);
of one source in the order in which its synapses are listed. So batches, windows, threads, and
the native kernels or NumPy change no bit.
"""
