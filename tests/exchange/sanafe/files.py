"""Small files in SANA-FE's format, with numbers that are easy to tell apart."""

from pathlib import Path

ARCHITECTURE = """\
architecture:
  name: small
  attributes:
    topology: mesh
    width: 2
    height: 3
    link_buffer_size: 4
    sync_model: table
    latency_sync: {1: 1.0e-7, 3: 3.0e-7}
  tile:
  - name: plain[0..3]
    attributes: &hops
      energy_north_hop: 1.0e-12
      latency_north_hop: 1.0e-9
      energy_east_hop: 2.0e-12
      latency_east_hop: 2.0e-9
      energy_south_hop: 3.0e-12
      latency_south_hop: 3.0e-9
      energy_west_hop: 4.0e-12
      latency_west_hop: 4.0e-9
    core:
    - &core
      name: core[0..1]
      attributes: {buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: 8}
      axon_in:
      - name: in
        attributes: {energy_message_in: 5.0e-12, latency_message_in: 5.0e-9}
      synapse:
      - name: first
        attributes: {model: current_based, energy_process_spike: 6.0e-12,
                     latency_process_spike: 6.0e-9}
      - name: second
        attributes: {model: current_based, energy_process_spike: 7.0e-12,
                     latency_process_spike: 7.0e-9}
      dendrite:
      - name: dendrite
        attributes: {model: accumulator, energy_update: 0.5e-12, latency_update: 0.5e-9}
      soma:
      - name: lif
        attributes: {model: leaky_integrate_fire,
                     energy_access_neuron: 8.0e-12, latency_access_neuron: 8.0e-9,
                     energy_update_neuron: 9.0e-12, latency_update_neuron: 9.0e-9,
                     energy_spike_out: 10.0e-12, latency_spike_out: 10.0e-9}
      - name: other
        attributes: {model: leaky_integrate_fire,
                     energy_access_neuron: 11.0e-12, latency_access_neuron: 11.0e-9,
                     energy_update_neuron: 12.0e-12, latency_update_neuron: 12.0e-9,
                     energy_spike_out: 13.0e-12, latency_spike_out: 13.0e-9}
      - name: input[0..7]
        attributes: {model: input,
                     energy_access_neuron: 0.0, latency_access_neuron: 0.0,
                     energy_update_neuron: 0.0, latency_update_neuron: 0.0,
                     energy_spike_out: 0.0, latency_spike_out: 0.0}
      axon_out:
      - name: out
        attributes: {energy_message_out: 14.0e-12, latency_message_out: 14.0e-9}
  - name: last
    attributes: *hops
    core:
    - name: core
      attributes: {buffer_position: soma, max_neurons_supported: 4}
      axon_in:
      - name: in
        attributes: {energy_message_in: 15.0e-12, latency_message_in: 15.0e-9}
      synapse:
      - name: only
        attributes: {model: current_based, energy_process_spike: 16.0e-12,
                     latency_process_spike: 16.0e-9}
      dendrite:
      - name: dendrite
        attributes: {model: accumulator, energy_update: 0.0, latency_update: 0.0}
      soma:
      - name: north
        attributes: {model: truenorth,
                     energy_access_neuron: 17.0e-12, latency_access_neuron: 17.0e-9,
                     energy_update_neuron: 18.0e-12, latency_update_neuron: 18.0e-9,
                     energy_spike_out: 19.0e-12, latency_spike_out: 19.0e-9}
      axon_out:
      - name: out
        attributes: {energy_message_out: 20.0e-12, latency_message_out: 20.0e-9}
    - *core
"""
"""Four tiles of two equal cores each, and a fifth with a core of its own before two such."""

NETWORK = """\
network:
  name: small
  groups:
  - name: in
    neurons:
    - 0: {spikes: [1, 0, 1]}
    - 1: [soma: {rate: 0.5}]
  - name: hidden
    attributes: [threshold: 1.5, log_spikes: true]
    neurons:
    - 0..2: {bias: 0.25}
    - 3: [soma: {threshold: 2.5}]
  - name: out
    attributes: {synapse_hw_name: second}
    neurons: [0]
  edges:
  - in -> hidden: {type: dense, weight: [1, 2, 3, 4, 5, 6, 7, 8]}
  - hidden.0 -> out.0: [weight: 0.5]
  - hidden.3 -> out.0: [w: -1.0]
mappings:
- in.0: [core: 0.0, soma: "input[3]"]
- in.1: [core: 0.0, soma: "input[4]"]
- hidden.2..3: {core: 1.0}
- hidden.0..1: {core: 0.1, soma: other}
- out: {core: 1.0}
"""


def written(folder: Path, architecture: str = ARCHITECTURE, network: str = NETWORK):
    """Write both files; return their paths."""
    paths = folder / "arch.yaml", folder / "snn.yaml"
    for path, text in zip(paths, (architecture, network), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return a text with parts replaced, each of which must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
