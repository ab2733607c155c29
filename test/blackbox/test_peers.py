#!/usr/bin/python3
"""Strangers at the election and quorum ports: the ensemble elects and serves as if they were not there.

    test_peers.py [--kind rookery|apache] [--only PART-OF-A-NAME]

One ensemble of three under checked load meets one attack after the other.  Under each the leader is
killed and comes back: a new one must be elected and everybody must serve within WITHIN_S.  Afterwards
memory and descriptors are where they were, and the log has at most about a line per stranger.
"""

import argparse
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history                              # noqa: E402
import zkharness as zk                      # noqa: E402
from load import Load                       # noqa: E402
from zkensemble import Ensemble, Scenarios  # noqa: E402

WITHIN_S = 12.0
ATTACK_MAX = 400                # connections to one port
RSS_GROWTH_KB = 16 * 1024
LOG_SLACK = 80                  # lines: an election with its roles is in there
V1 = -65536
STRANGER = 99
MAX_INT, MAX_LONG = 2 ** 31 - 1, 2 ** 63 - 1


def i32(value):
    return struct.pack('>i', value)


def i64(value):
    return struct.pack('>q', value)


# ---------------------------------------------------------------------------------------------
# what strangers say

def initial(sid, address=b'127.0.0.1:1', length=None, version=V1):
    return i64(version) + i64(sid) + i32(len(address) if length is None else length) + address


def vote(leader, zxid=0, round_=1, epoch=0, state=0, config=b''):
    body = i32(state) + i64(leader) + i64(zxid) + i64(round_) + i64(epoch) + i32(2) + \
        i32(len(config)) + config
    return i32(len(body)) + body


def packet(kind, zxid=-1, data=None, ids=i32(-1), length=None):
    body = i32(-1) if data is None else i32(len(data) if length is None else length) + data
    return i32(kind) + i64(zxid) + body + ids


def info(sid, epoch=0, kind=11):
    return packet(kind, epoch << 32, i64(sid) + i32(0x10000) + i64(0))


GARBAGE = bytes((i * 167 + 13) & 0xff for i in range(600))
HTTP = b'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\n\r\n'
TLS_HELLO = bytes.fromhex('16030100a5010000a10303') + GARBAGE[:160]
REQUEST, ACK, PING, REVALIDATE, ACKEPOCH, OBSERVERINFO = 1, 3, 5, 6, 18, 16


class Attack:
    """Says `pieces` on every connection: bytes, or functions of the victim that make them."""

    def __init__(self, name, port, *pieces, gap_s=0.0, hold_s=0.3, at_once=4, everybody=0):
        self.name, self.port, self.pieces = name, port, pieces
        self.gap_s, self.hold_s = gap_s, hold_s
        self.at_once = at_once          # threads a port
        self.everybody = everybody      # connections held until the end, a port
        self.count = 0


def bytewise(data):
    return [data[i:i + 1] for i in range(len(data))]


def own(member):
    return member.sid


def other(member):
    return member.sid % 3 + 1


def attacks():
    e, q = 'election', 'quorum'
    return [
        Attack('garbage', e, GARBAGE),
        Attack('a lying address length', e, initial(STRANGER, b'', MAX_INT)),
        Attack('an address length of none', e, initial(STRANGER, b'', 0)),
        Attack('a negative address length', e, initial(STRANGER, b'', -1)),
        Attack('an unknown version', e, initial(STRANGER, version=-1)),
        Attack('the ancient form', e, i64(STRANGER)),
        Attack('the id of an anonymous observer', e, initial(MAX_LONG), vote(STRANGER)),
        Attack('a message of no end', e, initial(STRANGER), i32(MAX_INT), GARBAGE),
        Attack('a message of negative length', e, initial(STRANGER), i32(-5)),
        Attack('messages of garbage', e, initial(STRANGER), i32(200) + GARBAGE[:200],
               i32(44) + GARBAGE[:44], i32(1) + b'x'),
        Attack('votes of an unknown id', e, initial(STRANGER),
               vote(STRANGER, MAX_LONG, 1000, MAX_INT), vote(STRANGER, MAX_LONG, 1, MAX_INT, 2)),
        Attack('a lying config length', e, initial(STRANGER),
               i32(44) + vote(1)[4:44] + i32(MAX_INT)),
        Attack('its own id', e, lambda m: initial(own(m)), GARBAGE[:40]),
        Attack('the id of another, then silence', e, lambda m: initial(other(m)), at_once=1, hold_s=0.5),
        Attack('the id of another, then garbage', e, lambda m: initial(other(m)), i32(30) + GARBAGE[:30],
               at_once=1),
        Attack('an address of nowhere to call back', e, initial(-7, b'203.0.113.77:9')),
        Attack('one byte at a time', e, *bytewise(initial(STRANGER) + vote(STRANGER)), gap_s=0.03),
        Attack('HTTP', e, HTTP),
        Attack('TLS', e, TLS_HELLO),
        Attack('silence', e, hold_s=5.0),
        Attack('200 silent connections', e, everybody=200),
        Attack('garbage', q, GARBAGE),
        Attack('a lying data length', q, packet(11, 0, b'', length=MAX_INT)),
        Attack('a lying data length behind an id', q, info(STRANGER), packet(ACK, 0, b'x', length=MAX_INT)),
        Attack('a lying count of ids', q, packet(REQUEST, -1, b'', i32(MAX_INT))),
        Attack('an unknown id that stays', q, info(STRANGER), hold_s=3.0),
        Attack('an unknown id of a high epoch', q, info(STRANGER, MAX_INT), hold_s=1.0),
        Attack('the leader\'s own id', q, lambda m: info(own(m)), hold_s=1.0),
        Attack('the id of another', q, lambda m: info(other(m)), hold_s=1.0),
        Attack('no id at all', q, packet(11, 0, None), packet(OBSERVERINFO, 0, b'')),
        Attack('packets before the first', q, packet(PING, 0, b''), packet(ACK, MAX_LONG),
               packet(REQUEST, -1, GARBAGE)),
        Attack('an unknown id that goes on with nonsense', q, info(STRANGER), packet(ACKEPOCH, MAX_LONG, i32(MAX_INT)),
               packet(ACK, MAX_LONG), packet(REQUEST, -1, i64(1) + i32(1) + i32(77)), packet(77, 5, b'x')),
        Attack('an observer that acknowledges', q, info(STRANGER, 0, OBSERVERINFO), packet(ACKEPOCH, 0, i32(0)),
               packet(ACK, MAX_LONG), packet(REVALIDATE, -1, b'x'), packet(PING, 0, GARBAGE)),
        Attack('one byte at a time', q, *bytewise(info(STRANGER)), gap_s=0.03),
        Attack('HTTP', q, HTTP),
        Attack('TLS', q, TLS_HELLO),
        Attack('200 silent connections', q, everybody=200),
    ]


# ---------------------------------------------------------------------------------------------
# saying it

class Siege:
    """Every member's port under one attack, until stop()."""

    def __init__(self, ens, attack):
        self.attack = attack
        self.stopping = False
        self.counts = {m.sid: 0 for m in ens}
        self.held = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.keep, args=(m,), daemon=True) for m in ens] \
            if attack.everybody else [
                threading.Thread(target=self.run, args=(m,), daemon=True)
                for m in ens for _ in range(attack.at_once)]
        for t in self.threads:
            t.start()

    def connect(self, member):
        port = member.election_port if self.attack.port == 'election' else member.quorum_port
        try:
            sock = socket.create_connection((zk.HOST, port), 1)
        except OSError:
            return None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.counts[member.sid] += 1
        return sock

    def run(self, member):
        while not self.stopping and self.counts[member.sid] < ATTACK_MAX:
            sock = self.connect(member)
            if sock is None:
                time.sleep(0.05)
                continue
            try:
                for piece in self.attack.pieces:
                    sock.sendall(piece(member) if callable(piece) else piece)
                    if self.attack.gap_s:
                        time.sleep(self.attack.gap_s)
                    if self.stopping:
                        break
                self.listen(sock)
            except OSError:
                pass
            sock.close()
            time.sleep(0.03)

    def listen(self, sock):
        """Takes what it is told, until hung up or long enough."""
        deadline = time.monotonic() + self.attack.hold_s
        while not self.stopping and time.monotonic() < deadline:
            sock.settimeout(0.1)
            try:
                if not sock.recv(65536):
                    return
            except socket.timeout:
                pass

    def keep(self, member):
        held = []
        while not self.stopping:
            while len(held) < self.attack.everybody and not self.stopping and \
                    self.counts[member.sid] < 4 * self.attack.everybody:
                sock = self.connect(member)
                if sock is None:
                    break
                held.append(sock)
            time.sleep(0.1)
            if not member.is_running():
                for sock in held:
                    sock.close()
                held = []
        for sock in held:
            sock.close()

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(10)
        return sum(self.counts.values())


def descriptors(member):
    return len(os.listdir('/proc/%d/fd' % member.pid))


class Test:
    def __init__(self, kind):
        self.kind = kind
        self.ens = self.load = None

    def begin(self):
        """The ensemble of the test before if that went well."""
        if self.ens is None:
            self.ens = Ensemble([self.kind] * 3, name='%s-peers' % self.kind)
            self.ens.wait_serving()
            self.load = Load(self.ens, clients=2, timeout_ms=20000, pace_s=0.05, zombies=0).start()
            self.load.wait_writes(20)

    def drop(self):
        if self.ens is None:
            return
        try:
            self.load.stop(close=False)
        except zk.CheckFailed:
            pass
        folder = self.ens.keep_logs()
        print('    # logs in %s' % folder, flush=True)
        self.ens.destroy()
        self.ens = None

    def attack(self, attack):
        self.begin()
        try:
            return self.attacked(attack)
        except BaseException:
            self.drop()
            raise

    def attacked(self, attack):
        ens, load = self.ens, self.load
        leader = ens.wait_leader()
        stays = ens.others(leader)
        rss = {m: m.server.rss_kb() for m in stays}
        marks = {m: m.log_mark() for m in stays}
        files = {m: descriptors(m) for m in stays}
        siege = Siege(ens, attack)
        try:
            time.sleep(0.3)
            load.wait_writes(5, WITHIN_S)
            since = time.monotonic()
            leader.kill()
            load.wait_writes(10, WITHIN_S)
            outage = load.outage_ms(since)
            leader.start()
            ens.wait_serving(list(ens), WITHIN_S)
            load.wait_writes(5, WITHIN_S)
            lines = {m: m.log_since(marks[m]).count('\n') for m in stays}
        finally:
            count = siege.stop()
        per = {m: siege.counts[m.sid] for m in stays}
        ens.wait('descriptors are given back', lambda: all(
            descriptors(m) <= files[m] + 20 for m in stays), 20, 0.1)
        growth = max(m.server.rss_kb() - rss[m] for m in stays)
        most = max(lines[m] - per[m] for m in stays)
        if self.kind == 'rookery':
            zk.check(growth < RSS_GROWTH_KB, 'grew by %d KiB' % growth)
            zk.check(most < LOG_SLACK, 'lines of log beyond one for each of %s strangers: %s' % (
                list(per.values()), list(lines.values())))
        return '%d strangers; leader killed, writes paused %d ms; grew by %d KiB; %s lines of log for ' \
            '%s strangers' % (count, outage, growth, list(lines.values()), list(per.values()))

    def start_among(self, chosen, majority_only=False):
        """Servers begin under all of these at once; those who claim to be members can keep one out."""
        with Ensemble([self.kind] * 3, name='%s-peers-start' % self.kind, start=False) as ens:
            for member in ens if majority_only else ():
                member.initialize()     # with nothing on disk they would need all three
            sieges = []
            for attack in chosen:
                attack.at_once = 1
                if not attack.everybody:
                    sieges.append(Siege(ens, attack))
            begin = time.monotonic()
            try:
                ens.start()
                ens.wait_leader(WITHIN_S)
                if not majority_only:
                    ens.wait_serving(list(ens), WITHIN_S)
                took = time.monotonic() - begin
                load = Load(ens, clients=2, zombies=0).start()
                load.wait_writes(20, WITHIN_S)
                ops = load.stop()
            finally:
                count = sum(s.stop() for s in sieges)
            since = time.monotonic()
            ens.wait_serving(list(ens), WITHIN_S)
            report = history.check(ens, ops)
            return 'elected and serving after %.1f s among %d strangers of %d kinds, all of them %.1f s ' \
                'after their end; %s' % (took, count, len(sieges), time.monotonic() - since,
                                         report.line())

    def verdict(self):
        """What clients saw through all of it."""
        self.begin()
        ops = self.load.stop()
        report = history.check(self.ens, ops)
        zk.check_equal(self.load.expired, 0, 'sessions that expired')
        return report.line()


def main():
    args = argparse.ArgumentParser(description='Strangers at the ports between servers.')
    args.add_argument('--kind', default='rookery')
    args.add_argument('--only')
    args = args.parse_args()
    suite = Scenarios('strangers at the ports between servers of %s' % args.kind, args.only)
    t = Test(args.kind)
    for attack in attacks():
        suite.run('%s port: %s' % (attack.port, attack.name), t.attack, attack)
    suite.run('the history of it all', t.verdict)
    if t.ens is not None:
        t.ens.destroy()
    suite.run('servers start among strangers', t.start_among,
              [a for a in attacks() if 'the id of another' not in a.name])
    suite.run('servers start among impostors', t.start_among,
              [a for a in attacks() if 'the id of another' in a.name], True)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
