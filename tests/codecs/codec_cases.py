"""The codecs that tests run through: each kind, with and without what tells the end of a step."""

from chipletsim.codecs import (
    AddressEvents,
    AddressPackets,
    Bitmap,
    BlockedBitmap,
    RiceGaps,
    SpikeCounts,
)

FRAMED = {
    "events": AddressEvents(address="8 bit"),
    "events_and_other": AddressEvents(address="11 bit", other="3 bit"),
    "packets": AddressPackets(packet="32 bit"),
    "gaps_0": RiceGaps(k=0),
    "gaps_3": RiceGaps(k=3),
    "gaps_best": RiceGaps(),
}
"""Codecs that need the link to tell where a message ends."""

OWN_END = {
    "events_counted": AddressEvents(address="8 bit", other="2 bit", count="8 bit"),
    "packets_ended": AddressPackets(packet="9 bit", end_packet=True),
    "bitmap": Bitmap(),
    "blocks_1": BlockedBitmap(block=1),
    "blocks_4": BlockedBitmap(block=4),
    "blocks_32": BlockedBitmap(block=32),
    "gaps_counted": RiceGaps(k=2, count="8 bit"),
    "gaps_best_counted": RiceGaps(count="9 bit"),
}
"""Codecs whose messages can be joined and still be told apart."""

STEPWISE = FRAMED | OWN_END
ALL = STEPWISE | {"counts": SpikeCounts()}
