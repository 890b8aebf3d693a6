#!/usr/bin/env python3
"""Make a variant of a sample capture: damaged, or in another file format.

    damage.py HOW IN.pcap OUT

What happens to a capture in real life, done to a good one so that the right
answer is known.  The same input gives the same output, byte for byte.

    reorder    two data segments of one direction of a connection change places,
               wherever at most three packets lie between them
    duplicate  every third data segment comes a second time, a packet later
    overlap    every fifth data segment and the one before it in its direction
               are sent once more as one: the second half of one, all of the other
    pieces     data segments of at most 89 bytes
    lose       one data segment of the middle is missing (where: see lose())
    truncate   the file ends inside a packet
    snap96     96 bytes of each packet, as with tcpdump -s 96
    pcapng     the same packets as pcapng
    bigendian  the same packets, written by a big-endian machine
    nano       the same packets, with nanoseconds
    null       as from a BSD loopback interface (DLT_NULL)
    raw        as from a tunnel: IP without a link layer (LINKTYPE_RAW)

Reads classic little-endian pcap of Ethernet with IPv4, as make.sh takes it.
"""
import struct
import sys

ETHERNET, NULL, RAW = 1, 0, 101
IP = 14                                # where IPv4 begins in a packet


class Packet:
    """A packet as captured: seconds, microseconds, length on the wire."""

    def __init__(self, sec, usec, wire, data):
        self.sec, self.usec, self.wire, self.data = sec, usec, wire, data
        ihl = (data[IP] & 15) * 4
        total, = struct.unpack_from(">H", data, IP + 2)
        self.tcp = IP + ihl
        self.body = self.tcp + (data[self.tcp + 12] >> 4) * 4
        self.payload = data[self.body:IP + total]
        self.seq, = struct.unpack_from(">I", data, self.tcp + 4)
        self.way = data[IP + 12:IP + 20] + data[self.tcp:self.tcp + 4]

    def at(self, other):
        """Another packet's contents at this one's place in time."""
        return Packet(self.sec, self.usec, other.wire, other.data)

    def with_payload(self, seq, payload):
        """This segment with another part of the stream in it."""
        data = bytearray(self.data[:self.body] + payload)
        struct.pack_into(">H", data, IP + 2, len(data) - IP)
        struct.pack_into(">I", data, self.tcp + 4, seq & 0xffffffff)
        struct.pack_into(">H", data, IP + 10, 0)
        head = struct.unpack(">%dH" % ((self.tcp - IP) // 2), data[IP:self.tcp])
        total = sum(head)
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        struct.pack_into(">H", data, IP + 10, 0xffff - total)
        return Packet(self.sec, self.usec, len(data), bytes(data))


def read(path):
    with open(path, "rb") as f:
        raw = f.read()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", raw)
    if magic != 0xa1b2c3d4 or link != ETHERNET:
        sys.exit(f"{path}: not a little-endian pcap of Ethernet")
    packets, at = [], 24
    while at < len(raw):
        sec, usec, cap, wire = struct.unpack_from("<IIII", raw, at)
        packets.append(Packet(sec, usec, wire, raw[at + 16:at + 16 + cap]))
        at += 16 + cap
    return packets


def pcap(packets, end="<", magic=0xa1b2c3d4, link=ETHERNET, snap=262144, unit=1):
    out = struct.pack(end + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for p in packets:
        data = p.data[:snap]
        out += struct.pack(end + "IIII", p.sec, p.usec * unit, len(data), p.wire)
        out += data
    return out


def pcapng(packets):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        n = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + n + body + n

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    tsresol = struct.pack("<HHB3x", 9, 1, 6) + bytes(4)
    out += block(1, struct.pack("<HHI", ETHERNET, 0, 262144) + tsresol)
    for p in packets:
        stamp = p.sec * 1000000 + p.usec
        out += block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xffffffff,
                                    len(p.data), p.wire) + p.data)
    return out


def relink(packets, link, head):
    moved = []
    for p in packets:
        q = Packet(p.sec, p.usec, p.wire - IP + len(head), p.data)
        q.data = head + p.data[IP:]
        moved.append(q)
    return pcap(moved, link=link)


def segments(packets):
    """Places of the data segments, by direction of a connection."""
    ways = {}
    for i, p in enumerate(packets):
        if p.payload:
            ways.setdefault(p.way, []).append(i)
    return ways


def reorder(packets):
    out = list(packets)
    for places in segments(packets).values():
        for i, j in zip(places[0::2], places[1::2]):
            if j - i > 4:
                continue
            out[i], out[j] = packets[i].at(packets[j]), packets[j].at(packets[i])
    return out


def duplicate(packets):
    again = set()
    for places in segments(packets).values():
        again.update(places[::3])
    out, late = [], None
    for i, p in enumerate(packets):
        out.append(p)
        if late:
            out.append(p.at(late))
        late = p if i in again else None
    return out + ([late] if late else [])


def overlap(packets):
    again = {}
    for places in segments(packets).values():
        for i, j in list(zip(places, places[1:]))[::5]:
            first, second = packets[i], packets[j]
            half = len(first.payload) // 2
            if first.seq + len(first.payload) == second.seq:
                again[j] = second.with_payload(
                    first.seq + half, first.payload[half:] + second.payload)
    out = []
    for i, p in enumerate(packets):
        out.append(p)
        if i in again:
            out.append(again[i])
    return out


def pieces(packets, size=89):
    out = []
    for p in packets:
        if len(p.payload) <= size:
            out.append(p)
            continue
        for at in range(0, len(p.payload), size):
            out.append(p.with_payload(p.seq + at, p.payload[at:at + size]))
    return out


def lose(packets):
    """The segment lost is the first of 1000 bytes or more from the server to
    a client: a RecvPacket, so that one packet is missing and no more."""
    for i, p in enumerate(packets):
        if len(p.payload) >= 1000 and p.payload[0] == 5:
            return packets[:i] + packets[i + 1:]
    sys.exit("no segment to lose")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    how, source, target = sys.argv[1:]
    packets = read(source)
    formats = {
        "truncate": lambda p: pcap(p)[:-2000],
        "snap96": lambda p: pcap(p, snap=96),
        "pcapng": pcapng,
        "bigendian": lambda p: pcap(p, end=">"),
        "nano": lambda p: pcap(p, magic=0xa1b23c4d, unit=1000),
        "null": lambda p: relink(p, NULL, struct.pack("<I", 2)),
        "raw": lambda p: relink(p, RAW, b""),
    }
    damages = {"reorder": reorder, "duplicate": duplicate, "overlap": overlap,
               "pieces": pieces, "lose": lose}
    if how in damages:
        out = pcap(damages[how](packets))
    elif how in formats:
        out = formats[how](packets)
    else:
        sys.exit(f"damage.py: no way '{how}'")
    with open(target, "wb") as f:
        f.write(out)


main()
