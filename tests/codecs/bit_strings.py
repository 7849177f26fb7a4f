"""Every codec once more, slowly: strings of '0' and '1' that are really read back.

`write` turns the spikes of one sample into one string per step and `read` turns strings back
into spikes, neuron by neuron, from what the docstring of each codec says is sent. Nothing
here counts bits: the length of the string is the number of bits.
"""

from chipletsim.codecs import (
    AddressEvents,
    AddressPackets,
    Bitmap,
    BlockedBitmap,
    RiceGaps,
    SpikeCounts,
)

OTHER = "10"  # What the other bits of an event hold, over and over.


def number(value, width):
    """Return ``value`` in ``width`` bits, most significant first."""
    text = format(value, "b") if value else ""
    assert len(text) <= width, f"{value} does not fit in {width} bits"
    return text.rjust(width, "0")


class Reader:
    """A string of bits that is read once from the left."""

    def __init__(self, text):
        self.text = text
        self.place = 0

    def take(self, width):
        found = self.text[self.place : self.place + width]
        assert len(found) == width, "read beyond the end"
        self.place += width
        return found

    def number(self, width):
        return int("0" + self.take(width), 2)

    @property
    def done(self):
        return self.place == len(self.text)


def spiking(step):
    return [neuron for neuron, spike in enumerate(step) if spike]


def raster(neurons, size):
    assert len(set(neurons)) == len(neurons)
    assert all(0 <= neuron < size for neuron in neurons)
    return [neuron in neurons for neuron in range(size)]


def events_left(reader, count_bits):
    """Return a function that says whether one more event follows in this message."""
    if not count_bits:
        return lambda read: not reader.done
    events = reader.number(count_bits)
    return lambda read: read < events


def write_events(codec, step, k):
    other = (OTHER * codec.other_bits)[: codec.other_bits]
    found = spiking(step)
    text = number(len(found), codec.count_bits) if codec.count_bits else ""
    for neuron in found:
        text += number(neuron, codec.address_bits) + other
    return text


def read_events(codec, reader, size, k):
    more, found = events_left(reader, codec.count_bits), []
    while more(len(found)):
        found.append(reader.number(codec.address_bits))
        reader.take(codec.other_bits)
    return raster(found, size)


def write_packets(codec, step, k):
    contents = spiking(step) + ([len(step)] if codec.end_packet else [])
    return "".join(number(content, codec.packet_bits) for content in contents)


def read_packets(codec, reader, size, k):
    found = []
    while codec.end_packet or not reader.done:
        content = reader.number(codec.packet_bits)
        if content == size:
            break
        found.append(content)
    return raster(found, size)


def write_bitmap(codec, step, k):
    return "".join("1" if spike else "0" for spike in step)


def read_bitmap(codec, reader, size, k):
    return [reader.take(1) == "1" for _ in range(size)]


def write_blocks(codec, step, k):
    text = ""
    for start in range(0, len(step), codec.block_neurons):
        block = step[start : start + codec.block_neurons]
        text += "1" + write_bitmap(codec, block, k) if any(block) else "0"
    return text


def read_blocks(codec, reader, size, k):
    step = []
    while len(step) < size:
        block = min(codec.block_neurons, size - len(step))
        busy = reader.take(1) == "1"
        step += read_bitmap(codec, reader, block, k) if busy else [False] * block
    return step


def write_gaps(codec, step, k):
    found = spiking(step)
    text = number(len(found), codec.count_bits) if codec.count_bits else ""
    silent = 0
    for spike in step:
        if not spike:
            silent += 1
            continue
        text += "1" * (silent // 2**k) + "0" + number(silent % 2**k, k)
        silent = 0
    return text


def read_gaps(codec, reader, size, k):
    more, step, read = events_left(reader, codec.count_bits), [], 0
    while more(read):
        silent = 0
        while reader.take(1) == "1":
            silent += 2**k
        silent += reader.number(k)
        step += [False] * silent + [True]
        read += 1
    assert len(step) <= size
    return step + [False] * (size - len(step))


WRITE = {
    AddressEvents: (write_events, read_events),
    AddressPackets: (write_packets, read_packets),
    Bitmap: (write_bitmap, read_bitmap),
    BlockedBitmap: (write_blocks, read_blocks),
    RiceGaps: (write_gaps, read_gaps),
}


def write(codec, window, k=None):
    """Return one string per step of ``window``, a list of lists of bool."""
    if isinstance(codec, SpikeCounts):
        width = 0
        while 2**width < len(window) + 1:  # As many codes as counts from 0 to T.
            width += 1
        counts = [sum(spikes) for spikes in zip(*window, strict=True)]
        return [""] * (len(window) - 1) + ["".join(number(count, width) for count in counts)]
    return [WRITE[type(codec)][0](codec, step, k) for step in window]


def read_step(codec, reader, size, k=None):
    """Return the spikes of the message at ``reader``, a list of bool."""
    return WRITE[type(codec)][1](codec, reader, size, k)
