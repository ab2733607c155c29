#!/usr/bin/python3
"""A faulty network between servers: one TCP proxy process for all directed pairs of an ensemble.

Every server is told that the others listen at ports of this proxy, so each connection from server
`a` to server `b` passes here and is known as the link (a, b).  Faults belong to a direction of bytes
between two servers, whichever of them dialed:

    net = Proxy()
    net.link(1, 2, 'election', real_port, port)      # what 1 dials at `port` goes to real_port of 2
    net.block(1, 2)             # nothing that 1 sends reaches 2: neither bytes, nor ends, nor SYNs
    net.unblock(1, 2)
    net.isolate(3, [1, 2])      # blocks both directions with each; heal() undoes everything
    net.delay(1, 2, 50)         # ms, one way
    net.trickle(1, 2, 2000)     # bytes a second, one way
    net.flip(1, 2, 'quorum', after=0)   # turns one bit of the next byte that 1 sends to 2 there
    net.cut(1, 2)               # RST on every connection between the two, whoever dialed
    net.refuse(1, 2)            # what 1 dials at 2 is reset at once
    net.half_open(1, 2)         # what 1 dials at 2 is accepted and goes nowhere
    net.heal(reset=False)       # all as it was; reset: connections that were held are reset
    net.syncs()                 # [Sync]: what each leader chose to bring a learner up to date with
    net.leaders()               # {epoch: sid of the server that offered it to learners}
    net.counters()              # {(a, b): bytes that arrived}

A blocked direction keeps what is in flight: after unblock() it arrives late, as after a partition on
a real network.  A proxy cannot withhold the SYN of a new connection: it is accepted, and no more.

Nor can it show that a connection is refused: it has accepted by then.  A quorum port that is not open
yet is dialed again for a second, as the learner itself would have done, and then reset.

An election connection begins with the address at which its dialer can be called back.  The proxy
puts its own port there, or that call would go around it.
"""

import collections
import errno
import json
import os
import select
import selectors
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import zkharness as zk          # noqa: E402

HELD_MAX = 1 << 20              # bytes read and not passed on yet, a direction
REDIAL_S, REDIAL_FOR_S = 0.02, 1.0     # a leader's port that is not open yet
SNIFF_MAX = 4096
INITIAL_MAX = 2048
PACKETS = {13: 'DIFF', 14: 'TRUNC', 15: 'SNAP'}

Sync = collections.namedtuple('Sync', 'learner leader kind zxid claimed at')


# ---------------------------------------------------------------------------------------------
# the side of the test

class Proxy:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=zk._die_with_parent)

    def _ask(self, what, *args):
        try:
            self.process.stdin.write(json.dumps([what] + list(args)) + '\n')
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], 30)[0]:
                raise zk.ServerFailed('the proxy does not answer')
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ''
        if not line:
            raise zk.ServerFailed('the proxy ended')
        answer = json.loads(line)
        if 'error' in answer:
            raise zk.ServerFailed('the proxy: %s' % answer['error'])
        return answer['value']

    def link(self, src, dst, kind, real_port, port):
        self._ask('link', src, dst, kind, real_port, port)

    def block(self, src, dst):
        self._ask('block', src, dst, True)

    def unblock(self, src, dst):
        self._ask('block', src, dst, False)

    def part(self, some, others):
        """Blocks every direction between the two groups."""
        for a in some:
            for b in others:
                self.block(a, b)
                self.block(b, a)

    def isolate(self, sid, others):
        self.part([sid], [x for x in others if x != sid])

    def delay(self, src, dst, ms):
        self._ask('delay', src, dst, ms)

    def trickle(self, src, dst, bytes_per_s):
        self._ask('trickle', src, dst, bytes_per_s)

    def flip(self, src, dst, kind, after=0):
        self._ask('flip', src, dst, kind, after)

    def flipped(self):
        """How many bits were turned so far."""
        return self._ask('flipped')

    def cut(self, a, b):
        """Returns how many connections it reset."""
        return self._ask('cut', a, b)

    def refuse(self, src, dst, is_on=True):
        self._ask('refuse', src, dst, is_on)

    def half_open(self, src, dst, is_on=True):
        self._ask('half_open', src, dst, is_on)

    def heal(self, reset=False):
        self._ask('heal', reset)

    def syncs(self):
        return [Sync(*x) for x in self._ask('syncs')]

    def leaders(self):
        return dict(self._ask('leaders'))

    def counters(self):
        return {(a, b): n for a, b, n in self._ask('counters')}

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


# ---------------------------------------------------------------------------------------------
# the proxy itself

class Fault:
    """What happens to bytes from one server to another."""

    def __init__(self):
        self.is_blocked = False
        self.delay_s = 0.0
        self.rate = 0               # bytes a second, 0: no limit
        self.flips = {}             # kind -> how many bytes until one is changed


class Direction:
    """One way of one connection: read from `source`, held, written to `sink`."""

    def __init__(self, conn, src, dst, fault):
        self.conn, self.src, self.dst, self.fault = conn, src, dst, fault
        self.source = self.sink = None
        self.held = collections.deque()     # (due, bytes)
        self.held_bytes = 0
        self.is_eof = self.is_ended = False     # read to the end; end passed on
        self.allowance, self.refilled = 0.0, time.monotonic()
        self.sniffed = b''
        self.is_sniffing = conn.kind == 'quorum'

    def wants_read(self):
        return (self.source is not None and not self.is_eof and not self.fault.is_blocked
                and self.held_bytes < HELD_MAX)

    def due(self):
        """When something can be written next; None: nothing is held, or it may not pass."""
        if self.fault.is_blocked or self.sink is None or not self.conn.is_connected:
            return None
        if self.held:
            due = self.held[0][0]
            if self.fault.rate:
                due = max(due, self.refilled + (1 - self.allowance) / self.fault.rate)
            return due
        return 0.0 if self.is_eof and not self.is_ended else None


class Conn:
    def __init__(self, link, client):
        self.link, self.kind = link, link.kind
        self.client, self.server = client, None
        self.is_connected = False
        self.is_held = False            # waits until the way is free, or for ever
        self.redial_at = None           # the port was not open; then again
        self.accepted_at = time.monotonic()
        self.initial = b'' if link.kind == 'election' else None
        net = link.net
        self.up = Direction(self, link.src, link.dst, net.fault(link.src, link.dst))
        self.down = Direction(self, link.dst, link.src, net.fault(link.dst, link.src))
        self.up.source = self.down.sink = client
        self.claimed = None

    def attach(self, server):
        self.server = server
        self.up.sink = self.down.source = server


class Link:
    def __init__(self, net, src, dst, kind, real_port, port):
        self.net, self.src, self.dst, self.kind = net, src, dst, kind
        self.real_port, self.port = real_port, port
        self.is_refusing = self.is_half_open = False
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((zk.HOST, port))
        self.listener.listen(128)
        self.listener.setblocking(False)


def reset(sock):
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    except OSError:
        pass
    sock.close()


class Net:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.links, self.conns, self.faults = [], [], {}
        self.masks = {}                 # socket -> what it is registered for
        self.sync_list, self.bytes, self.leader_list = [], collections.Counter(), {}
        self.flip_count = 0
        self.commands = b''
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ, ('command', None))

    def fault(self, src, dst):
        return self.faults.setdefault((src, dst), Fault())

    # -- commands

    def read_commands(self):
        try:
            chunk = os.read(0, 65536)
        except BlockingIOError:
            return
        if not chunk:
            os._exit(0)
        self.commands += chunk
        while b'\n' in self.commands:
            line, self.commands = self.commands.split(b'\n', 1)
            what, *args = json.loads(line)
            try:
                answer = {'value': getattr(self, 'do_' + what)(*args)}
            except (OSError, AttributeError, TypeError) as e:
                answer = {'error': '%s: %r' % (what, e)}
            os.write(1, (json.dumps(answer) + '\n').encode())

    def do_link(self, src, dst, kind, real_port, port):
        link = Link(self, src, dst, kind, real_port, port)
        self.links.append(link)
        self.selector.register(link.listener, selectors.EVENT_READ, ('accept', link))

    def do_block(self, src, dst, is_on):
        self.fault(src, dst).is_blocked = is_on
        if not is_on:
            self.go_on()

    def do_delay(self, src, dst, ms):
        self.fault(src, dst).delay_s = ms / 1000.0

    def do_trickle(self, src, dst, rate):
        self.fault(src, dst).rate = rate

    def do_flip(self, src, dst, kind, after):
        self.fault(src, dst).flips[kind] = after

    def do_flipped(self):
        return self.flip_count

    def do_cut(self, a, b):
        between = [c for c in self.conns if {c.link.src, c.link.dst} == {a, b}]
        for conn in between:
            self.drop(conn)
        return len(between)

    def do_refuse(self, src, dst, is_on):
        for link in self.links:
            if (link.src, link.dst) == (src, dst):
                link.is_refusing = is_on

    def do_half_open(self, src, dst, is_on):
        for link in self.links:
            if (link.src, link.dst) == (src, dst):
                link.is_half_open = is_on
        if not is_on:
            self.go_on()

    def do_heal(self, is_reset):
        blocked = {pair for pair, f in self.faults.items() if f.is_blocked}
        for fault in self.faults.values():
            fault.__init__()
        for link in self.links:
            link.is_refusing = link.is_half_open = False
        if is_reset:
            for conn in list(self.conns):
                if (conn.up.src, conn.up.dst) in blocked or (conn.down.src, conn.down.dst) in blocked:
                    self.drop(conn)
        self.go_on()

    def do_syncs(self):
        return self.sync_list

    def do_leaders(self):
        return list(self.leader_list.items())

    def do_counters(self):
        return [[a, b, n] for (a, b), n in self.bytes.items()]

    def go_on(self):
        """What waited for a free way dials now."""
        for conn in list(self.conns):
            if conn.is_held:
                self.dial(conn)

    # -- connections

    def accept(self, link):
        try:
            client, _ = link.listener.accept()
        except OSError:
            return
        if link.is_refusing:
            reset(client)
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = Conn(link, client)
        self.conns.append(conn)
        self.dial(conn)

    def dial(self, conn):
        blocked = conn.up.fault.is_blocked or conn.down.fault.is_blocked
        conn.is_held = conn.link.is_half_open or blocked
        if conn.is_held:
            return
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status = server.connect_ex((zk.HOST, conn.link.real_port))
        conn.attach(server)
        conn.redial_at = None
        if status not in (0, errno.EINPROGRESS):
            self.refused(conn)

    def refused(self, conn):
        now = time.monotonic()
        if conn.kind == 'election' or now - conn.accepted_at > REDIAL_FOR_S:
            self.drop(conn)
            return
        self.unregister(conn.server)
        conn.server.close()
        conn.attach(None)
        conn.redial_at = now + REDIAL_S

    def drop(self, conn):
        if conn in self.conns:
            self.conns.remove(conn)
        for sock in (conn.client, conn.server):
            if sock is not None:
                self.unregister(sock)
                reset(sock)

    def close(self, conn):
        self.conns.remove(conn)
        for sock in (conn.client, conn.server):
            if sock is not None:
                self.unregister(sock)
                sock.close()

    def unregister(self, sock):
        if self.masks.pop(sock, 0):
            self.selector.unregister(sock)

    # -- bytes

    def rewrite_initial(self, conn, data):
        """Holds the first message back until it is whole; then with our address in it."""
        conn.initial += data
        head = conn.initial
        if len(head) < 20 and len(head) and head[0] & 0x80:
            return b''
        length = struct.unpack('>i', head[16:20])[0] if len(head) >= 20 else 0
        if not head[0] & 0x80 or not 0 < length <= INITIAL_MAX:
            conn.initial = None
            return head                         # nothing that we know
        if len(head) < 20 + length:
            return b''
        conn.initial = None
        back = [x for x in self.links
                if (x.src, x.dst, x.kind) == (conn.link.dst, conn.link.src, 'election')]
        address = head[20:20 + length]
        if back:
            address = ('%s:%d' % (zk.HOST, back[0].port)).encode()
        return head[:16] + struct.pack('>i', len(address)) + address + head[20 + length:]

    def sniff(self, way, data):
        """The learner's claim (ACKEPOCH) and the leader's answer to it."""
        way.sniffed += data
        pos = 0
        text = way.sniffed
        while True:
            if len(text) < pos + 16:
                break
            kind, zxid, length = struct.unpack('>iqi', text[pos:pos + 16])
            if way is way.conn.up and kind == 18:
                way.conn.claimed = zxid
                way.is_sniffing = False
                break
            if way is way.conn.down and kind in PACKETS:
                self.sync_list.append([way.dst, way.src, PACKETS[kind], zxid, way.conn.claimed,
                                       time.monotonic()])
                way.is_sniffing = False
                break
            if way is way.conn.down and kind == 17:
                self.leader_list[zxid >> 32] = way.src
            if not 0 < kind < 20 or length > SNIFF_MAX:
                way.is_sniffing = False
                break
            pos += 16 + max(length, 0) + 4
        if len(text) > SNIFF_MAX:
            way.is_sniffing = False
        way.sniffed = text[pos:] if way.is_sniffing else b''

    def damage(self, way, data):
        left = way.fault.flips.get(way.conn.kind)
        if left is None:
            return data
        if left >= len(data):
            way.fault.flips[way.conn.kind] = left - len(data)
            return data
        del way.fault.flips[way.conn.kind]
        self.flip_count += 1
        changed = bytearray(data)
        changed[left] ^= 0x10
        return bytes(changed)

    def read(self, way):
        conn = way.conn
        try:
            data = way.source.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.drop(conn)             # a reset travels on
            return
        if not data:
            way.is_eof = True
            return
        if way is conn.up and conn.initial is not None:
            data = self.rewrite_initial(conn, data)
            if not data:
                return
        if way.is_sniffing:
            self.sniff(way, data)
        data = self.damage(way, data)
        way.held.append((time.monotonic() + way.fault.delay_s, data))
        way.held_bytes += len(data)

    def write(self, way, now):
        while way.held and way.held[0][0] <= now:
            due, data = way.held[0]
            part = data
            if way.fault.rate:
                way.allowance = min(way.fault.rate * 0.05 + 1,
                                    way.allowance + (now - way.refilled) * way.fault.rate)
                way.refilled = now
                part = data[:int(way.allowance)]
                if not part:
                    return
            try:
                sent = way.sink.send(part)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.drop(way.conn)
                return
            way.allowance -= sent
            way.held_bytes -= sent
            self.bytes[(way.src, way.dst)] += sent
            if sent < len(data):
                way.held[0] = (due, data[sent:])
                return
            way.held.popleft()
        if way.is_eof and not way.held and not way.is_ended:
            way.is_ended = True
            try:
                way.sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            other = way.conn.up if way is way.conn.down else way.conn.down
            if other.is_ended:
                self.close(way.conn)

    # -- the loop

    def interest(self, now):
        """Registers each socket for what it is wanted for; returns the next deadline."""
        soonest = None
        for conn in list(self.conns):
            if conn.redial_at is not None and conn.redial_at <= now:
                self.dial(conn)
            if conn.redial_at is not None:
                soonest = conn.redial_at if soonest is None else min(soonest, conn.redial_at)
            if conn not in self.conns:
                continue
            wanted = {conn.client: 0}
            if conn.server is not None:
                wanted[conn.server] = 0
                if not conn.is_connected:
                    wanted[conn.server] = selectors.EVENT_WRITE
            for way in (conn.up, conn.down):
                if way.wants_read() and (way.source is not conn.server or conn.is_connected):
                    wanted[way.source] |= selectors.EVENT_READ
                due = way.due()
                if due is not None and due <= now:
                    wanted[way.sink] |= selectors.EVENT_WRITE
                elif due is not None:
                    soonest = due if soonest is None else min(soonest, due)
            for sock, mask in wanted.items():
                if self.masks.get(sock, 0) == mask:
                    continue
                if not mask:
                    self.unregister(sock)
                elif self.masks.get(sock, 0):
                    self.selector.modify(sock, mask, ('conn', conn))
                    self.masks[sock] = mask
                else:
                    self.selector.register(sock, mask, ('conn', conn))
                    self.masks[sock] = mask
        return soonest

    def on_conn(self, conn, sock, mask):
        if sock is conn.server and not conn.is_connected:
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.refused(conn)
                return
            conn.is_connected = True
        for way in (conn.up, conn.down):
            if conn not in self.conns:
                return
            if way.source is sock and mask & selectors.EVENT_READ and way.wants_read():
                self.read(way)
        # Most of it can go at once.
        for way in (conn.up, conn.down):
            if conn in self.conns and way.due() is not None:
                self.write(way, time.monotonic())

    def run(self):
        while True:
            now = time.monotonic()
            soonest = self.interest(now)
            timeout = None if soonest is None else max(0.0, soonest - now)
            events = self.selector.select(timeout)
            for key, mask in events:
                what, arg = key.data
                if what == 'command':
                    self.read_commands()
                elif what == 'accept':
                    self.accept(arg)
                elif arg in self.conns:
                    self.on_conn(arg, key.fileobj, mask)
            if soonest is not None:
                now = time.monotonic()
                for conn in list(self.conns):
                    for way in (conn.up, conn.down):
                        if conn in self.conns and way.due() is not None and way.due() <= now:
                            self.write(way, now)


if __name__ == '__main__':
    Net().run()
