"""AEDAT4 files made byte by byte: a text line, a header and packets, both FlatBuffers.

Tables are written as the FlatBuffers binary format says: a vtable of uint16 offsets in front of
each table, offsets that count from where they stand. The fields are those of the schemas of
`dv-processing`: ``IOHeader {compression: int32, dataTablePosition: int64 = -1, infoNode: string}``
and ``EventPacket {elements: [Event]}`` with ``struct Event {timestamp: int64, x: int16, y: int16,
on: bool}`` of 16 bytes.
"""

import struct

import numpy as np

MAGIC = b"#!AER-DAT4.0\r\n"
INFO = """<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">
<node name="{stream}" path="/mainloop/Recorder/outInfo/{stream}/">
<attr key="compression" type="string">NONE</attr>
<attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info" path="/mainloop/Recorder/outInfo/{stream}/info/">
<attr key="sizeX" type="int">{width}</attr>
<attr key="sizeY" type="int">{height}</attr>
<attr key="source" type="string">made by hand</attr>
</node></node></node></dv>"""
EVENT = np.dtype(
    {
        "names": ["t", "x", "y", "on"],
        "formats": ["<i8", "<i2", "<i2", "?"],
        "offsets": [0, 8, 10, 12],
        "itemsize": 16,
    }
)


def header(width: int, height: int, compression: int = 0, table_position: int = -1) -> bytes:
    """Return the size-prefixed IOHeader."""
    text = INFO.format(stream=0, width=width, height=height).encode()
    # Bytes from the root offset on: root, identifier, vtable, table, string.
    vtable = struct.pack("<HHHHH", 10, 24, 20, 8, 16)
    table_at = 8 + len(vtable) + 6  # so that the int64 lies on a multiple of 8
    string_at = table_at + 24
    table = struct.pack("<i", table_at - 8) + bytes(4)
    table += struct.pack("<q", table_position)
    table += struct.pack("<I", string_at - (table_at + 16))
    table += struct.pack("<i", compression)
    string = struct.pack("<I", len(text)) + text + b"\0"
    body = struct.pack("<I", table_at) + b"IOHE" + vtable + bytes(6) + table + string
    body += bytes(-len(body) % 8)
    return struct.pack("<I", len(body)) + body


def packet(events: np.ndarray) -> bytes:
    """Return a size-prefixed EventPacket of an array of `EVENT`."""
    vtable = struct.pack("<HHH", 6, 8, 4)
    table_at = 8 + len(vtable) + 2
    table = struct.pack("<iI", table_at - 8, 0)
    vector_at = table_at + 8 + 4  # events lie on a multiple of 8 after the length
    table = struct.pack("<iI", table_at - 8, vector_at - (table_at + 4))
    body = struct.pack("<I", table_at) + b"EVTS" + vtable + bytes(2) + table + bytes(4)
    body += struct.pack("<I", len(events)) + events.tobytes()
    return struct.pack("<I", len(body)) + body


def recording(events: np.ndarray, width: int, height: int, packets: int = 1) -> bytes:
    """Return a whole file of events in packets of even size, not compressed."""
    data = MAGIC + header(width, height)
    for part in np.array_split(events, packets):
        content = packet(part)
        data += struct.pack("<ii", 0, len(content)) + content
    return data
