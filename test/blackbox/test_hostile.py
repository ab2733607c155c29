#!/usr/bin/python3
"""Hostile input costs nobody else anything.

Most attacks run against one server, one after the other, beside a well-behaved session whose every
answer is checked and timed (witness.py).  After each attack: that session never failed and never
waited long, the server's memory stayed in bounds at its worst and came back, no descriptor leaked,
the log has its line about it and few others.  At the end the server is killed and started again.

A bound on a wait is WAIT_MS plus what the machine itself made a control wait at that time.
"""

import base64
import hashlib
import os
import random
import re
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk          # noqa: E402
import zkwire as w              # noqa: E402
from witness import Witness     # noqa: E402

WAIT_MS = 200
MAXBUFFER = 1048575
MB = 1024

ATTACKS = []        # (name, function, bounds)


def attack(name, peak_mb=64, after_mb=24, log_kb=24, says=None, wait_ms=WAIT_MS):
    """Registers an attack on the shared server, with what it may cost."""
    def register(fn):
        ATTACKS.append((name, fn, dict(peak_mb=peak_mb, after_mb=after_mb, log_kb=log_kb,
                                       says=says, wait_ms=wait_ms)))
        return fn
    return register


# ---------------------------------------------------------------------------------------------
# what an attack is judged by

def open_fds(server):
    return len(os.listdir('/proc/%d/fd' % server.pid))


def status_kb(server, field):
    with open('/proc/%d/status' % server.pid) as f:
        return int(re.search(field + r':\s+(\d+)', f.read()).group(1))


def forget_peak(server):
    with open('/proc/%d/clear_refs' % server.pid, 'w') as f:
        f.write('5')


def wait_for(what, fn, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while not fn():
        if time.monotonic() > deadline:
            raise zk.CheckFailed('%s did not happen within %.0f s' % (what, timeout_s))
        time.sleep(0.02)


class Waited(zk.CheckFailed):
    """Somebody else had to wait for too long."""


def at_its_best(fn, *args):
    """A machine that is busy with other things only makes waits longer, and not all of that shows in the
    control wait: the best of three tries counts."""
    for attempt in range(3):
        try:
            return fn(*args)
        except Waited as e:
            if attempt == 2:
                raise
            print('# once more: %s' % e, flush=True)


def judge_witness(seen, wait_ms):
    zk.check(seen['fault'] is None, 'the well-behaved session: %s' % seen['fault'])
    zk.check(seen['count'] > 0, 'the well-behaved session got no answer at all')
    if seen['worst_ms'] > wait_ms + seen['noise_ms']:
        raise Waited('the well-behaved session waited %.0f ms for a %s (the machine itself: %.0f ms)'
                     % (seen['worst_ms'], seen['worst_op'], seen['noise_ms']))


def under_attack(server, witness, fn, bounds):
    """One attack with everything around it."""
    if bounds['says']:
        time.sleep(1.05)        # lines of one kind are counted by the second: not those of the last attack
    fds, mark, rss = open_fds(server), server.log_mark(), server.rss_kb()
    forget_peak(server)
    witness.mark()
    before = time.monotonic()
    fn(server)
    took = time.monotonic() - before
    time.sleep(0.05)
    seen = witness.report()
    zk.check(server.is_running(), 'the server ended: %s' % server.exit_status())
    peak_mb = (status_kb(server, 'VmHWM') - rss) / MB
    wait_for('the end of the attackers\' connections', lambda: open_fds(server) <= fds)
    after_mb = (server.rss_kb() - rss) / MB
    log = server.log_since(mark)
    print('# %.1f s, witness %d requests, worst %.0f ms (%s), p99 %.1f ms, machine %.0f ms; memory at most '
          '%+.0f MB, after %+.0f MB; log %d bytes' % (took, seen['count'], seen['worst_ms'], seen['worst_op'],
          seen['p99_ms'], seen['noise_ms'], peak_mb, after_mb, len(log)), flush=True)
    judge_witness(seen, bounds['wait_ms'])
    zk.check(peak_mb <= bounds['peak_mb'], 'memory grew by %.0f MB, %d are its bound'
             % (peak_mb, bounds['peak_mb']))
    zk.check(after_mb <= bounds['after_mb'], '%.0f MB were not given back' % after_mb)
    zk.check(len(log) <= bounds['log_kb'] * 1024, '%d bytes of log' % len(log))
    if bounds['says']:
        zk.check(re.search(bounds['says'], log), 'no log line says %r:\n%s' % (bounds['says'], log[-2000:]))


# ---------------------------------------------------------------------------------------------
# attackers' tools

def framed(*payloads):
    return b''.join(w.i32(len(p)) + p for p in payloads)


def reset(sock):
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def is_closed(sock, timeout_s=5):
    """Reads until the end; False if the server keeps the connection."""
    sock.settimeout(timeout_s)
    try:
        while sock.recv(1 << 20):
            pass
    except ConnectionError:
        pass
    except socket.timeout:
        return False
    return True


def must_close(server, data, what):
    sock = server.connect()
    try:
        sock.sendall(data)
    except ConnectionError:
        pass
    zk.check(is_closed(sock), '%s: the connection was not closed' % what)
    sock.close()


def pipeline(client, frames, chunk=2000):
    """Send many frames, read one reply for each; [(xid, err)] up to the end of the connection."""
    got, sock = [], client.wire.sock
    for at in range(0, len(frames), chunk):
        part = frames[at:at + chunk]
        if not client.wire.send(*part):
            break
        want = len(got) + len(part)
        while len(got) < want:
            payload = client.wire.recv(30)
            if payload is None:
                return got
            if not w.is_event(payload):
                got.append(struct.unpack('>iqi', payload[:16])[::2])
    sock.settimeout(20)
    return got


def push(sock, data, seconds):
    """Send without ever reading until all is sent or for so long; the number of bytes taken."""
    sock.setblocking(False)
    deadline, at, view = time.monotonic() + seconds, 0, memoryview(data)
    while at < len(data) and time.monotonic() < deadline:
        if select.select([], [sock], [], 0.05)[1]:
            try:
                at += sock.send(view[at:at + (1 << 18)])
            except BlockingIOError:
                pass
            except OSError:
                break
    return at


def slow_client(server):
    """A session over a socket with the smallest receive buffer."""
    client = w.Client(server)
    client.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return client


def remove_tree(server, root):
    """Delete everything below and including root, whatever its ACLs, as super."""
    client = w.Client(server, timeout_ms=40000)
    client.call(w.AUTH, w.auth('digest', b'super:secret'), xid=-4)
    paths = [root]
    for path in paths:
        reply = client.call(w.GET_CHILDREN, w.path_watch(path))
        if reply.err == 0:
            paths.extend(path.rstrip('/') + '/' + c.decode() for c in reply.value)
    paths = [p for p in paths if p != '/']
    pipeline(client, [w.frame(i, w.DELETE, w.path_version(p)) for i, p in enumerate(reversed(paths), 1)])
    zk.check_equal(client.call(w.EXISTS, w.path_watch(paths[0] if paths else '/none')).err, -101, root)
    client.close_session()


BODIES = {
    w.CREATE: w.create('/s/a', b'data', w.OPEN, 0),
    w.CREATE2: w.create('/s/b', b'data', w.CREATOR_ALL, 3),
    w.CREATE_CONTAINER: w.create('/s/c', b'', w.OPEN, 4),
    w.CREATE_TTL: w.create_ttl('/s/t', b'x', w.OPEN, 5, 1000),
    w.DELETE: w.path_version('/s/d', 0),
    w.EXISTS: w.path_watch('/s', True),
    w.GET_DATA: w.path_watch('/s', True),
    w.SET_DATA: w.set_data('/s', b'data', -1),
    w.GET_ACL: w.path_only('/s'),
    w.SET_ACL: w.set_acl('/s/n', [(31, 'world', 'anyone'), (1, 'ip', '10.0.0.1')], 0),
    w.GET_CHILDREN: w.path_watch('/s', True),
    w.SYNC: w.path_only('/s'),
    w.GET_CHILDREN2: w.path_watch('/s', True),
    w.MULTI: w.multi([(w.CHECK, w.path_version('/s', -1)), (w.CREATE, w.create('/s/m')),
                      (w.SET_DATA, w.set_data('/s', b'x', -1)), (w.DELETE, w.path_version('/s/m'))]),
    w.MULTI_READ: w.multi([(w.GET_DATA, w.path_watch('/s')), (w.GET_CHILDREN, w.path_watch('/s'))]),
    w.RECONFIG: w.reconfig('server.1=a:1:2;3', '2', '', 7),
    w.CHECK_WATCHES: w.path_type('/s', 3),
    w.REMOVE_WATCHES: w.path_type('/s', 3),
    w.AUTH: w.auth('digest', b'u:p'),
    w.SET_WATCHES: w.set_watches(0, ['/s', '/q'], ['/s/x'], ['/s']),
    w.SET_WATCHES2: w.set_watches(0, ['/s'], ['/s/x'], [], ['/s'], ['/s/r']),
    w.SASL: w.sasl(b'token'),
    w.GET_EPHEMERALS: w.path_only('/s'),
    w.GET_ALL_CHILDREN_NUMBER: w.path_only('/s'),
    w.ADD_WATCH: w.path_type('/s', 1),
    w.CREATE_SESSION: w.i32(30000),
    w.CHECK: w.path_version('/s', 0),
    w.DELETE_CONTAINER: w.path_only('/s'),
}


def spray(server, requests):
    """Pipeline any requests; a connection that the server ends is replaced.  All are answered or
    end their connection; returns (answered, connections)."""
    frames = [w.frame(i, op, body) for i, (op, body) in enumerate(requests, 1)]
    answered, connections, at = 0, 0, 0
    while at < len(frames):
        client = w.Client(server)
        connections += 1
        got = pipeline(client, frames[at:], 200)
        for xid, _ in got:
            zk.check(0 < xid <= len(frames) or xid in (-2, -4), 'an answer to xid %d' % xid)
        answered += len(got)
        at += len(got) + 1      # the next one ended the connection, or there is none
        client.close()
    return answered, connections


# ---------------------------------------------------------------------------------------------
# frames and handshakes

@attack('lying frame lengths before and after the handshake', says='connection closed')
def lying_frame_lengths(server):
    hello = framed(w.connect_request(10000))
    lengths = (-1, -2, -2 ** 31, MAXBUFFER + 1, 2 ** 31 - 1, 0x7fff0000, 0x01000000)
    for length in lengths + (0, 1, 27):
        must_close(server, w.i32(length) + bytes(100), 'length %d first' % length)
    for length in lengths + (0, 1, 7):
        must_close(server, hello + w.i32(length) + bytes(100), 'length %d after the handshake' % length)
    # Claims are cheap: five hundred megabytes are promised, nothing comes.
    socks = [server.connect() for _ in range(500)]
    for i, sock in enumerate(socks):
        sock.sendall((hello if i % 2 else b'') + w.i32(MAXBUFFER) + b'x')
    time.sleep(0.3)
    for sock in socks:
        reset(sock)


@attack('frames of exactly jute.maxbuffer and one more', peak_mb=96)
def frames_at_the_limit(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    overhead = len(w.frame(1, w.SET_DATA, w.set_data('/s', b'')))
    reply = client.call(w.SET_DATA, w.set_data('/s', bytes(MAXBUFFER - overhead)))
    zk.check_equal((reply.err, reply.value.length), (0, MAXBUFFER - overhead), 'the longest frame')
    reply = client.call(w.GET_DATA, w.path_watch('/s'))
    zk.check_equal((reply.err, len(reply.value[0])), (0, MAXBUFFER - overhead), 'read back')
    client.post(w.SET_DATA, w.set_data('/s', bytes(MAXBUFFER - overhead + 1)))
    zk.check(is_closed(client.wire.sock), 'a frame one byte longer was taken')
    client.close()
    remove_tree(server, '/s')


@attack('requests truncated at every byte', says='undecodable request')
def truncated_requests(server):
    requests = [(op, body[:cut]) for op, body in BODIES.items() for cut in range(len(body))]
    answered, connections = spray(server, requests)
    zk.check(answered > len(requests) // 2, '%d of %d answered' % (answered, len(requests)))
    # A truncated read or write is an error, never a success.
    client = w.Client(server)
    for op in (w.CREATE, w.SET_DATA, w.DELETE, w.GET_DATA, w.SET_ACL, w.MULTI, w.SET_WATCHES):
        for cut in range(len(BODIES[op])):
            reply = client.call(op, BODIES[op][:cut])
            zk.check_equal(reply.err, -5, '%s cut at %d' % (w.OP_NAMES[op], cut))
    client.close_session()


@attack('streams cut at every byte of handshake and request')
def cut_streams(server):
    for op in (w.CREATE, w.MULTI, w.SET_WATCHES2):
        stream = framed(w.connect_request(10000), w.frame(1, op, BODIES[op]))
        for cut in range(1, len(stream)):
            sock = server.connect()
            sock.sendall(stream[:cut])
            reset(sock) if cut % 2 else sock.close()
    # No half of a request was executed: the last cut lacks one byte.
    zk.check_equal(w.Client(server).call(w.EXISTS, w.path_watch('/s/a')).err, -101, 'a cut create')


@attack('garbage before the handshake', says='connection closed')
def garbage_first(server):
    rng = random.Random(2181)
    for i in range(1500):
        sock = server.connect()
        data = rng.randbytes(rng.choice((1, 3, 4, 5, 44, 45, 200, 5000)))
        if i % 3 == 0:      # a true length, junk behind it
            data = framed(data)
        try:
            sock.sendall(data)
            if i % 2:
                sock.shutdown(socket.SHUT_WR)
                zk.check(is_closed(sock), 'not closed after %r' % data[:50])
        except ConnectionError:
            pass
        reset(sock) if i % 5 else sock.close()


@attack('handshakes and requests byte by byte')
def byte_by_byte(server):
    stream = framed(w.connect_request(10000), w.frame(1, w.CREATE, w.create('/s', b'x')),
                    w.frame(2, w.GET_DATA, w.path_watch('/s')), w.frame(3, w.CLOSE_SESSION))
    socks = [server.connect() for _ in range(100)]
    for i in range(len(stream)):
        for sock in socks:
            sock.sendall(stream[i:i + 1])
    for k, sock in enumerate(socks):
        wire = w.Wire(sock)
        zk.check_equal(len(wire.recv()), 37, 'handshake')
        zk.check_equal([w.decode_reply(op, wire.recv()).xid for op in (w.CREATE, w.GET_DATA, w.CLOSE_SESSION)],
                       [1, 2, 3], 'answers of connection %d' % k)
        wire.close()
    remove_tree(server, '/s')


@attack('lying lengths inside every request', says='undecodable request')
def lying_lengths(server):
    client = w.Client(server)
    for path in ('/s', '/s/n'):
        client.call(w.CREATE, w.create(path))
    lies = (-1, -2, -2 ** 31, 2 ** 31 - 1, 0x00ffffff, 65536, 1, 0)
    requests = [(op, body[:at] + w.i32(lie) + body[at + 4:]) for op, body in BODIES.items()
                for at in range(max(1, len(body) - 3)) for lie in lies]
    answered, _ = spray(server, requests)
    zk.check(answered > len(requests) // 2, '%d of %d answered' % (answered, len(requests)))
    # One number that claims two thousand million elements.
    for body in (w.i64(0) + w.i32(2 ** 31 - 1), w.i64(0) + w.i32(2 ** 28) + bytes(1000)):
        zk.check_equal(client.call(w.SET_WATCHES, body).err, -5, 'a list of lies')
    reply = client.call(w.CREATE, w.ustr('/s/z') + w.buf(b'') + w.i32(2 ** 31 - 1) + bytes(500))
    zk.check_equal(reply.err, -5, 'an ACL of lies')
    client.close_session()
    remove_tree(server, '/s')


@attack('random bodies for every opcode')
def random_bodies(server):
    rng = random.Random(7)
    ops = list(BODIES) + [rng.randrange(-2 ** 31, 2 ** 31) for _ in range(20)]
    answered, _ = spray(server, [(op, rng.randbytes(rng.choice((0, 1, 8, 60, 300))))
                                 for op in ops for _ in range(40)])
    zk.check(answered > 0, 'nothing was answered')


@attack('64k frames of 8 bytes', peak_mb=96)
def tiny_frames(server):
    for op in (w.PING, w.WHO_AM_I, w.GET_DATA, w.CREATE):
        client = w.Client(server)
        frames = [w.frame(i, op) for i in range(1, 65537)]
        got = pipeline(client, frames, 65536)
        zk.check_equal(len(got), 65536, 'answers to opcode %d' % op)
        want = 0 if op in (w.PING, w.WHO_AM_I) else -5
        zk.check_equal({err for _, err in got}, {want}, 'errors of opcode %d' % op)
        client.close()


@attack('xid games')
def xid_games(server):
    client = w.Client(server)

    def ask(op, body, xid):
        # A reply to xid -1 looks like an event: no help of the client here.
        client.wire.send(w.frame(xid, op, body))
        reply = w.decode_reply(op, client.wire.recv())
        return reply.xid, reply.err

    for xid in (-1, -2, -4, -8, 0, -5, 7, 7, 7, 2 ** 31 - 1, -2 ** 31):
        zk.check_equal(ask(w.GET_DATA, w.path_watch('/'), xid), (xid, 0), 'getData')
        zk.check_equal(ask(w.SET_DATA, w.set_data('/', b''), xid), (xid, 0), 'setData')
        zk.check_equal(ask(w.PING, b'', xid), (-2, 0), 'ping')
    client.wire.send(*[w.frame(-1, w.SET_DATA, w.set_data('/', b''))] * 3000)
    for _ in range(3000):
        zk.check_equal(w.decode_reply(w.SET_DATA, client.wire.recv()).xid, -1, 'writes with one xid')
    client.close_session()


# ---------------------------------------------------------------------------------------------
# bombs

@attack('multi bombs', peak_mb=220, after_mb=48)
def multi_bombs(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    check_op = w.multi_header(w.CHECK) + w.path_version('/s')
    count = (MAXBUFFER - 100) // len(check_op)
    reply = client.call(w.MULTI, check_op * count + w.MULTI_END)
    zk.check_equal((reply.err, len(reply.value)), (0, count), '%d checks' % count)
    # The last one fails: everything before it is undone.
    create_op = w.multi_header(w.CREATE) + w.create('/s/n-', None, flags=w.SEQUENTIAL)
    count = (MAXBUFFER - 200) // len(create_op)
    reply = client.call(w.MULTI, create_op * count + w.multi_header(w.CHECK) +
                        w.path_version('/none') + w.MULTI_END)
    zk.check_equal(reply.value[-1], (-1, -101, -101), 'the last of %d creates' % count)
    zk.check_equal(client.call(w.GET_CHILDREN, w.path_watch('/s')).value, [], 'children')
    for body in (w.multi([(w.MULTI, w.multi([(w.CREATE, w.create('/s/x'))]))]),
                 w.multi_header(w.MULTI) * 100000 + w.MULTI_END,
                 w.multi_header(-1) * 110000 + w.MULTI_END,
                 w.multi_header(0) * 110000 + w.MULTI_END,
                 check_op * 40000, w.multi([(w.CLOSE_SESSION, b'')]), w.multi([(w.GET_DATA, BODIES[w.GET_DATA])])):
        reply = client.call(w.MULTI, body)
        zk.check_equal(reply and reply.err, -5, 'a multi of %d bytes' % len(body))
    zk.check_equal(client.call(w.MULTI, w.MULTI_END).err, 0, 'an empty multi')
    zk.check_equal(client.call(w.EXISTS, w.path_watch('/s/x')).err, -101, 'what was nested')
    client.close_session()
    remove_tree(server, '/s')


@attack('multiRead that asks for the same megabyte 50,000 times', peak_mb=400, after_mb=64)
def multi_read_bomb(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s', bytes(1000000)))
    read_op = w.multi_header(w.GET_DATA) + w.path_watch('/s')
    for _ in range(3):
        bomb = w.Client(server)
        bomb.post(w.MULTI_READ, read_op * ((MAXBUFFER - 100) // len(read_op)) + w.MULTI_END)
        payload = bomb.wire.recv(20)
        zk.check(payload is None or w.decode_reply(w.ERROR, payload).err == -5,
                 'an answer of %d bytes' % len(payload or b''))
        bomb.close()
    client.close_session()
    remove_tree(server, '/s')


BAD_PATHS = ('', 'a', '/a/', '//', '/a//b', '/./a', '/../a', '/a/..', '/a/.', '/\0', '/a\0b', '/\x01', '/\x1f',
             '/\x7f', '/\x9f', '/\ud800', '/\udfff', '/\uf8ff', '/\ufff0', '/\uffff', b'/\xff', b'/\xc3',
             b'/\xed\xa0\x80', b'/\xf5\x80\x80\x80', b'/\xc0\x80', '/\U0001f600', None)


@attack('path bombs', peak_mb=128)
def path_bombs(server):
    client = w.Client(server)
    for path in BAD_PATHS:
        # The header's error of a null path is -5, of the others -8.
        want = (-5, -8)
        for op, body in ((w.CREATE, w.create(path)), (w.SET_DATA, w.set_data(path, b'')),
                         (w.SET_ACL, w.set_acl(path, w.OPEN))):
            err = client.call(op, body).err
            if op == w.CREATE:
                want = (-5, -8, -101)           # its parent is looked for first
            if path == '' and op != w.CREATE:
                want = (0, -5, -8, -101)        # another name of the root for some requests
            zk.check(err in want, '%s of %r answered %d' % (w.OP_NAMES[op], path, err))
    room = MAXBUFFER - 200
    for what, path in (('one name', b'/' + b'n' * room), ('components', b'/a' * (room // 2)),
                       ('slashes', b'/' * room), ('dots', b'/..' * (room // 3)), ('NUL', b'/' + bytes(room)),
                       ('invalid UTF-8', b'/' + b'\xff' * room)):
        for op, body in ((w.CREATE, w.create(path)), (w.EXISTS, w.path_watch(path)),
                         (w.GET_DATA, w.path_watch(path)), (w.GET_CHILDREN2, w.path_watch(path)),
                         (w.DELETE, w.path_version(path)), (w.GET_EPHEMERALS, w.path_only(path)),
                         (w.GET_ALL_CHILDREN_NUMBER, w.path_only(path)), (w.SET_DATA, w.set_data(path, b''))):
            reply = client.call(op, body)
            zk.check(reply is not None and reply.xid == client.xid, '%s of %s' % (w.OP_NAMES[op], what))
            zk.check(reply.err != 0 or op == w.GET_EPHEMERALS or what == 'one name',
                     '%s of %s succeeded' % (w.OP_NAMES[op], what))
    client.close_session()


@attack('deepest path that can be built, and what looks at it', peak_mb=96)
def deep_tree(server):
    client = w.Client(server)
    paths = ['/s' + '/d' * k for k in range(1500)]
    got = pipeline(client, [w.frame(i, w.CREATE, w.create(p)) for i, p in enumerate(paths, 1)])
    zk.check_equal({err for _, err in got}, {0}, 'creates')
    watcher = w.Client(server)
    watcher.call(w.ADD_WATCH, w.path_type('/', 1))
    for path in paths[::10]:
        watcher.call(w.ADD_WATCH, w.path_type(path, 1))
    got = pipeline(client, [w.frame(i, w.SET_DATA, w.set_data(paths[-1], b'')) for i in range(1, 2001)])
    zk.check_equal({err for _, err in got}, {0}, 'writes at the deepest')
    reply = client.call(w.GET_ALL_CHILDREN_NUMBER, w.path_only('/s'))
    zk.check_equal(reply.value, len(paths) - 1, 'nodes below')
    watcher.close()
    client.close_session()
    remove_tree(server, '/s')


@attack('ACL bombs: huge lists and many of them', peak_mb=160, after_mb=48)
def acl_bombs(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    huge = [(1, 'ip', '10.%d.%d.%d' % (i >> 16, i >> 8 & 255, i & 255)) for i in range(40000)]
    reply = client.call(w.CREATE, w.create('/s/huge', b'', huge + w.OPEN))
    zk.check(reply.err in (0, -114), 'a list of forty thousand: %d' % reply.err)
    zk.check_equal(client.call(w.SET_ACL, w.set_acl('/s', w.OPEN * 45000)).err, 0, 'one entry, many times')
    lists = [[(31, 'world', 'anyone'), (1, 'digest', 'u%d:x' % i), (2, 'ip', '10.0.%d.%d' % (i >> 8, i & 255))]
             for i in range(15000)]
    got = pipeline(client, [w.frame(i, w.SET_ACL, w.set_acl('/s', acl)) for i, acl in enumerate(lists, 1)])
    zk.check_equal({err for _, err in got}, {0}, 'distinct lists, one after the other')
    got = pipeline(client, [w.frame(i, w.CREATE, w.create('/s/a%d' % i, b'', acl))
                            for i, acl in enumerate(lists, 1)])
    zk.check_equal({err for _, err in got}, {0}, 'distinct lists at once')
    # Names of the identity are expanded: a list of `auth` entries times many ids.
    for i in range(30):
        client.call(w.AUTH, w.auth('digest', b'user%d:%s' % (i, b'p' * 50)), xid=-4)
    reply = client.call(w.SET_ACL, w.set_acl('/s', w.CREATOR_ALL * 50000))
    zk.check(reply.err in (0, -114), 'fifty thousand auth entries for thirty ids: %d' % reply.err)
    client.close_session()
    remove_tree(server, '/s')


# ---------------------------------------------------------------------------------------------
# floods

# A setWatches of fifty thousand paths is one step: tens of milliseconds.
@attack('a million watches from one connection', peak_mb=300, after_mb=300, log_kb=32, wait_ms=400)
def watch_flood(server):
    client = w.Client(server)
    names = [w.ustr('/w%06d' % i) for i in range(1050000)]
    errs = []
    for at in range(0, len(names), 50000):
        body = w.i64(0) + w.i32(0) + w.vec(names[at:at + 50000]) + w.i32(0)
        errs.append(client.call(w.SET_WATCHES, body, xid=-8).err)
    zk.check_equal(errs[:20], [0] * 20, 'the first million')
    zk.check_equal(errs[20], -1, 'more than rookery.watches.perConnection')
    client.close()
    # The next to ask for as many does not cost as much again.
    rss = server.rss_kb()
    client = w.Client(server)
    for at in range(0, 500000, 50000):
        client.call(w.SET_WATCHES, w.i64(0) + w.i32(0) + w.vec(names[at:at + 50000]) + w.i32(0), xid=-8)
    zk.check(server.rss_kb() - rss < 40 * MB, 'memory of watches is not used again')
    client.close()


@attack('watches on paths of a megabyte', peak_mb=256, after_mb=64)
def long_watches(server):
    client = w.Client(server)
    path = b'/' + b'n' * (MAXBUFFER - 100)
    errs = []
    for i in range(1500):
        reply = client.call(w.SET_WATCHES, w.set_watches(0, [], [b'%s%05d' % (path[:-10], i)], []), xid=-8)
        if reply is None:
            break
        errs.append(reply.err)
    zk.check(-1 in errs or len(errs) < 1500, 'a gigabyte and a half of paths was taken')
    client.close()


@attack('recursive watches on / from 400 connections', peak_mb=128, after_mb=32, wait_ms=400)
def recursive_watches(server):
    clients = [w.Client(server) for _ in range(400)]
    for client in clients:
        client.post(w.ADD_WATCH, w.path_type('/', 1))
    for client in clients:
        zk.check_equal(client.take(w.ADD_WATCH).err, 0, 'addWatch')
    writer = w.Client(server)
    got = pipeline(writer, [w.frame(i, w.SET_DATA, w.set_data('/', b'')) for i in range(1, 201)])
    zk.check_equal({err for _, err in got}, {0}, 'writes')
    for client in clients:
        client.close()
    writer.close_session()


@attack('sequential flood', peak_mb=128, after_mb=48)
def sequential_flood(server):
    clients = [w.Client(server) for _ in range(4)]
    clients[0].call(w.CREATE, w.create('/s'))
    frames = [w.frame(i, w.CREATE, w.create('/s/n-', b'', flags=w.SEQUENTIAL)) for i in range(1, 5001)]
    for client in clients:
        client.wire.send(*frames)
    seen = set()
    for client in clients:
        for _ in frames:
            reply = client.take(w.CREATE)
            zk.check_equal(reply.err, 0, 'create')
            zk.check(reply.value not in seen, '%s twice' % reply.value)
            seen.add(reply.value)
        client.close()
    zk.check_equal(max(seen), b'/s/n-%010d' % 19999, 'the last name')
    remove_tree(server, '/s')


@attack('a thousand megabytes asked for and not read', peak_mb=96, after_mb=48)
def unread_data(server):
    client = slow_client(server)
    client.call(w.CREATE, w.create('/s', bytes(1000000)))
    push(client.wire.sock, framed(*[w.frame(i, w.GET_DATA, w.path_watch('/s')) for i in range(1000)]), 3)
    time.sleep(1)
    reset(client.wire.sock)
    remove_tree(server, '/s')


@attack('reads of a megabyte held behind a write', peak_mb=400, after_mb=64)
def held_reads(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s', bytes(1000000)))
    client.call(w.CREATE, w.create('/s/w'))
    clients = [slow_client(server) for _ in range(6)]
    request = framed(w.frame(1, w.SET_DATA, w.set_data('/s/w', bytes(100000))),
                     *[w.frame(i, w.GET_DATA, w.path_watch('/s')) for i in range(990)])
    for k in range(3):
        for slow in clients:
            slow.wire.sock.setblocking(False)
            try:
                slow.wire.sock.send(request)
            except (BlockingIOError, ConnectionError):
                pass    # full, or dropped already, as it may be that takes nothing
        time.sleep(0.3)
    for slow in clients:
        reset(slow.wire.sock)
    client.close_session()
    remove_tree(server, '/s')


@attack('resets in the middle of replies', peak_mb=160, after_mb=48)
def resets(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s', bytes(500000)))
    get = framed(*[w.frame(i, w.GET_DATA, w.path_watch('/s')) for i in range(20)])
    for i in range(150):
        victim = slow_client(server)
        push(victim.wire.sock, get, 0.2)
        victim.wire.sock.setblocking(True)
        victim.wire.sock.recv(1 + 7 * i)
        reset(victim.wire.sock)
    client.close_session()
    remove_tree(server, '/s')


@attack('connections with and without handshake', peak_mb=96, after_mb=48)
def connection_flood(server):
    def sessions():
        return int(re.search(r'zk_global_sessions\t(\d+)', server.four('mntr')).group(1))

    before = sessions()
    hello = framed(w.connect_request(4000))
    for k in range(4000):
        sock = server.connect()
        if k % 2:
            sock.sendall(hello)
            if k % 4 == 1:
                sock.recv(100)
        reset(sock) if k % 3 else sock.close()
    zk.check(sessions() > before + 500, 'they had no sessions')
    wait_for('the end of their sessions', lambda: sessions() <= before + 5, 20)


@attack('half-open connections are closed in time', says='no session after')
def half_open(server):
    socks = [server.connect() for _ in range(500)]
    for i, sock in enumerate(socks):
        sock.sendall(framed(w.connect_request(4000))[:i % 44])
    before = time.monotonic()
    for sock in socks:
        zk.check(is_closed(sock, 8), 'still open')
        sock.close()
    zk.check(time.monotonic() - before < 8, 'it took %.0f s' % (time.monotonic() - before))


# ---------------------------------------------------------------------------------------------
# identities and sessions

@attack('auth floods', says='authentication failed')
def auth_floods(server):
    for i in range(300):
        client = w.Client(server)
        for body in (w.auth('digest', b'super:guess%d' % i), w.auth('digest', b'u:' + bytes(1000)),
                     w.auth('no such scheme', b'x') if i % 2 else w.auth('digest', None)):
            reply = client.call(w.AUTH, body, xid=-4)
        zk.check_equal(reply.err, -115, 'a bad addauth')
        zk.check(is_closed(client.wire.sock), 'not closed')
        client.close()
    client = w.Client(server)
    reply = client.call(w.AUTH, w.auth('digest', b'u:' + b'p' * (MAXBUFFER - 100)), xid=-4)
    zk.check(reply.err in (0, -115), 'a megabyte of secret')
    client.close()
    client = w.Client(server)
    errs = [err for _, err in pipeline(client, [w.frame(-4, w.AUTH, w.auth('digest', b'u%d:p' % i))
                                                for i in range(500)])]
    zk.check(errs[-1] == -115 and errs.count(0) < 100, 'five hundred identities: %d taken' % errs.count(0))
    client.close()
    client = w.Client(server)
    for i in range(20000):     # the same one: it is one identity
        client.post(w.AUTH, w.auth('digest', b'u:p'), xid=-4)
    zk.check_equal({client.take(w.AUTH).err for _ in range(20000)}, {0}, 'the same identity again')
    client.close_session()


@attack('a guessed super password gains nothing')
def super_guessing(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s', b'secret', [(31, 'digest', 'nobody:x')]))
    for guess in (b'super:', b'super', b':secret', b'super:secret\0', b'Super:secret', b'super:SECRET'):
        thief = w.Client(server)
        thief.call(w.AUTH, w.auth('digest', guess), xid=-4)
        if thief.call(w.PING, xid=-2) is not None:
            zk.check_equal(thief.call(w.GET_DATA, w.path_watch('/s')).err, -102, 'as %r' % guess)
        thief.close()
    client.close_session()
    remove_tree(server, '/s')


@attack('guessed session ids and wrong passwords', says='reattach refused')
def session_guessing(server):
    owner = w.Client(server)
    owner.call(w.CREATE, w.create('/mine', b'', flags=w.EPHEMERAL))
    for i in range(600):
        sock = server.connect()
        wire = w.Wire(sock)
        session = owner.session + (i % 5) - 2 if i % 2 else random.Random(i).getrandbits(62)
        password = bytes(16) if i % 3 else owner.password[:i % 16]
        wire.send(w.connect_request(10000, session, password))
        reply = w.ConnectResponse(wire.recv())
        zk.check_equal((reply.session, reply.timeout_ms, reply.password), (0, 0, bytes(16)), 'a guess')
        zk.check(is_closed(sock), 'not closed')
        sock.close()
        if i % 50 == 0:
            zk.check_equal(owner.call(w.EXISTS, w.path_watch('/mine')).err, 0, 'the owner')
    zk.check_equal(owner.call(w.EXISTS, w.path_watch('/mine')).err, 0, 'the owner after all')
    owner.close_session()


@attack('internal operations from a socket', says='unknown operation')
def internal_operations(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    for op, body in ((w.CREATE_SESSION, w.i32(2 ** 31 - 1)), (w.DELETE_CONTAINER, w.path_only('/s')),
                     (w.CHECK, w.path_version('/s')), (w.ERROR, w.i32(0)), (55, b''), (2 ** 31 - 1, b''),
                     (-2 ** 31, b''), (10, b''), (0, b'')):
        thief = w.Client(server)
        reply = thief.call(op, body)
        if reply is not None:
            zk.check(reply.err in (-6, -5, 0) and (reply.err != 0 or op == 0), 'opcode %d: %d' % (op, reply.err))
        if op != 0:
            zk.check(is_closed(thief.wire.sock), 'opcode %d: not closed' % op)
        thief.close()
    zk.check_equal(client.call(w.DELETE, w.path_version('/s')).err, 0, 'the node is still there')
    client.close_session()


@attack('requests pipelined behind closeSession')
def behind_close(server):
    for i in range(50):
        client = w.Client(server)
        client.wire.send(w.frame(1, w.CREATE, w.create('/e', b'', flags=w.EPHEMERAL)), w.frame(2, w.CLOSE_SESSION),
                         *[w.frame(k, w.CREATE, w.create('/late%d' % k)) for k in range(3, 20)],
                         w.frame(20, w.CREATE, w.create('/late-e', flags=w.EPHEMERAL)),
                         w.frame(21, w.AUTH, w.auth('digest', b'super:secret')), w.frame(22, w.PING))
        seen = []
        while (payload := client.wire.recv()) is not None:
            seen.append(w.decode_reply(w.CREATE, payload).xid)
        zk.check_equal(seen, [1, 2], 'answers')
        client.close()
    client = w.Client(server)
    names = client.call(w.GET_CHILDREN, w.path_watch('/')).value
    zk.check(not [n for n in names if n.startswith((b'late', b'e'))], 'left: %s' % names)
    client.close_session()


@attack('four-letter words, known and not', log_kb=24, says='connection closed')
def word_flood(server):
    words = [b'ruok', b'srvr', b'stat', b'mntr', b'cons', b'dump', b'wchp', b'wchc', b'envi', b'conf', b'isro',
             b'wchs', b'dirs', b'hash', b'crst', b'quit', b'help', b'kill', b'STAT', b'ru', b'\xff\xf4\xff\xfd']
    for i in range(1500):
        sock = server.connect()
        sock.sendall(words[i % len(words)] + (b'\n' if i % 2 else b'') + (b'x' * 3000 if i % 7 == 0 else b''))
        if i % 3 == 0:
            reset(sock)     # does not even take the answer
        elif i % len(words) != 19:
            zk.check(is_closed(sock), 'not closed after %r' % words[i % len(words)])
        sock.close()
    zk.check_equal(server.four('ruok'), 'imok', 'ruok')


# ---------------------------------------------------------------------------------------------
# what ended Apache's server

@attack('junk in zookeeper_stats and zookeeper_limits')
def stats_junk(server):
    client = w.Client(server)
    base = '/zookeeper/quota/s'
    for path in ('/s', base, base + '/zookeeper_limits', base + '/zookeeper_stats'):
        reply = client.call(w.CREATE, w.create(path, b'count=5,bytes=5'))
        zk.check(reply.err in (0, -110), '%s: %d' % (path, reply.err))
    for leaf in ('/zookeeper_stats', '/zookeeper_limits'):
        for junk in (b'', None, b'junk', b'count=', b'count=99999999999999999999999,bytes=-99999999999999999999',
                     b'\xff\xfe\0', b'=,=,=', b'count=1' * 100000, b'byteHardLimit=NaN;countHardLimit=0x7'):
            client.call(w.SET_DATA, w.set_data(base + leaf, junk))
            zk.check(client.call(w.SET_DATA, w.set_data('/s', b'change')) is not None, 'closed')
            client.call(w.CREATE, w.create('/s/c'))
            client.call(w.DELETE, w.path_version('/s/c'))
    client.call(w.DELETE, w.path_version(base + '/zookeeper_limits'))
    client.close_session()
    remove_tree(server, base)
    remove_tree(server, '/s')


@attack('createTTL with bad flags and times')
def bad_ttl(server):
    client = w.Client(server)
    for flags in (0, 1, 2, 3, 4, 5, 6, 7, -1, 2 ** 31 - 1, -2 ** 31):
        for ttl in (-1, 0, 1, -2 ** 63, 2 ** 63 - 1, 0x00ffffffffff, 0x010000000000):
            reply = client.call(w.CREATE_TTL, w.create_ttl('/ttl', b'', w.OPEN, flags, ttl))
            if flags not in (5, 6) or ttl <= 0:
                zk.check(reply.err in (-8, -5, -6), 'flags %d ttl %d: %d' % (flags, ttl, reply.err))
            if reply.err == 0:
                client.call(w.DELETE, w.path_version(reply.value[0]))
    client.close_session()


# ---------------------------------------------------------------------------------------------
# attacks that need a server of their own

PROPS = {
    'zookeeper.DigestAuthenticationProvider.superDigest':
        'super:' + base64.b64encode(hashlib.sha1(b'super:secret').digest()).decode(),
    'zookeeper.extendedTypesEnabled': 'true',
}


def alone(fn, conf=None, props=None, **bounds):
    """One attack on a server of its own, which is killed and started again afterwards."""
    limits = dict(peak_mb=64, after_mb=48, log_kb=24, says=None, wait_ms=WAIT_MS)
    limits.update(bounds)
    at_its_best(attack_alone, fn, conf, props, limits)


def attack_alone(fn, conf, props, limits):
    with zk.start('rookery', conf=conf, props=dict(PROPS, **(props or {}))) as server:
        witness = Witness(server)
        under_attack(server, witness, fn, limits)
        witness.stop()
        server.restart()
        zk.check_equal(w.Client(server).call(w.EXISTS, w.path_watch('/witness')).err, 0, 'after the restart')


def hundred_thousand_ephemerals(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    names = ['/s/%s%06d' % ('e' * 191, i) for i in range(100000)]
    before = time.monotonic()
    got = pipeline(client, [w.frame(i, w.CREATE, w.create(p, b'', flags=w.EPHEMERAL))
                            for i, p in enumerate(names, 1)], 5000)
    zk.check_equal({err for _, err in got}, {0}, 'creates')
    made = time.monotonic()
    reply = client.call(w.GET_EPHEMERALS, w.path_only('/'))
    zk.check(reply is not None and reply.err in (0, -5), 'getEphemerals')
    closed = time.monotonic()
    zk.check_equal(client.call(w.CLOSE_SESSION).err, 0, 'closeSession')
    print('# 100,000 ephemerals made in %.1f s, closed in %.2f s' % (made - before, time.monotonic() - closed))
    client.close()
    other = w.Client(server)
    zk.check_equal(other.call(w.GET_CHILDREN, w.path_watch('/s')).value, [], 'ephemerals of a closed session')
    # And once more without a goodbye: they go when the session expires, here by its expiry on restart.
    other.close_session()


def an_ephemerals_flood():
    # The closeSession is one transaction of twenty megabytes, applied in one piece: others wait for it once.
    alone(hundred_thousand_ephemerals, peak_mb=400, after_mb=160, wait_ms=1500)


def many_children(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    create = w.multi_header(w.CREATE)
    for base in range(0, 200000, 10000):
        zk.check_equal(client.call(w.MULTI, b''.join(
            create + w.create('/s/%08d' % i, None) for i in range(base, base + 10000)) + w.MULTI_END).err, 0,
            'creates')
    slow = slow_client(server)
    before = time.monotonic()
    push(slow.wire.sock, framed(*[w.frame(i, w.GET_CHILDREN2, w.path_watch('/s', True)) for i in range(1000)]), 1)
    slow.wire.sock.setblocking(True)
    slow.wire.sock.settimeout(5)
    got = 0
    while time.monotonic() - before < 6:
        got += len(slow.wire.sock.recv(20000))
        time.sleep(0.002)
    zk.check(got > 100000, 'a slow reader got %d bytes' % got)
    reset(slow.wire.sock)
    client.close_session()


def two_hundred_thousand_children():
    alone(many_children, peak_mb=150, after_mb=100)


def huge_multi(server):
    client = w.Client(server)
    client.call(w.CREATE, w.create('/s'))
    op = w.multi_header(w.CHECK) + w.path_version('/s')
    reply = client.call(w.MULTI, op * 100000 + w.MULTI_END)
    zk.check_equal((reply.err, len(reply.value)), (0, 100000), 'a hundred thousand checks')
    ops = [w.multi_header(w.CREATE) + w.create('/s/%06d' % i, None) for i in range(50000)]
    ops += [w.multi_header(w.DELETE) + w.path_version('/s/%06d' % i) for i in range(50000)]
    for end, want in ((w.MULTI_END, (w.DELETE, 0, None)), (w.multi([(w.CHECK, w.path_version('/x'))]), (-1, -101, -101))):
        reply = client.call(w.MULTI, b''.join(ops) + end)
        zk.check_equal(reply.value[-1], want, 'fifty thousand creates and deletes')
        zk.check_equal(client.call(w.GET_CHILDREN, w.path_watch('/s')).value, [], 'children')
    client.close_session()


def a_multi_of_a_hundred_thousand_operations():
    # One request of 6 MB that its owner allowed: others wait for it, but not long.
    alone(huge_multi, props={'jute.maxbuffer': str(8 << 20)}, peak_mb=250, after_mb=120, wait_ms=600)


def limited_watches(server):
    clients = [w.Client(server) for _ in range(6)]
    for client in clients[:5]:
        errs = [err for _, err in pipeline(client, [w.frame(i, w.EXISTS, w.path_watch('/n%d' % i, True))
                                                    for i in range(1, 1501)])]
        zk.check(len(errs) == 1500 and errs[999] == -101 and errs[1000] == -1, 'at the limit: %d, %s' % (len(errs), errs[998:1002]))
        zk.check_equal(client.call(w.SET_WATCHES, w.set_watches(0, [], ['/z%d' % i for i in range(50000)], []),
                                   xid=-8).err, -1, 'setWatches over the limit')
        zk.check_equal(client.call(w.ADD_WATCH, w.path_type('/zz', 1)).err, -1, 'addWatch over the limit')
        zk.check_equal(client.call(w.GET_DATA, w.path_watch('/')).err, 0, 'a read without a watch')
    clients[0].close()
    wait_for('room for watches', lambda: clients[5].call(w.ADD_WATCH, w.path_type('/zz', 1)).err == 0)
    for client in clients[1:]:
        client.close()


def limits_on_watches():
    alone(limited_watches, props={'rookery.watches.perConnection': '1000', 'rookery.watches.total': '5003'},
          says='watch limit reached', peak_mb=48)


OWN = [an_ephemerals_flood, two_hundred_thousand_children, a_multi_of_a_hundred_thousand_operations,
       limits_on_watches]


# ---------------------------------------------------------------------------------------------

def everything_is_there_after_a_kill(server, witness):
    seen = witness.stop()
    zk.check(seen['fault'] is None, 'the well-behaved session: %s' % seen['fault'])
    version = w.Client(server).call(w.EXISTS, w.path_watch('/witness')).value.version
    server.restart()
    stat = w.Client(server).call(w.EXISTS, w.path_watch('/witness')).value
    zk.check_equal(stat.version, version, 'version of the witness\' node after kill -9')
    zk.check_equal(server.terminate(), 0, 'exit status')


def main():
    suite = zk.Suite('hostile')
    chosen = sys.argv[1:]

    def wanted(name):
        return not chosen or any(word in name for word in chosen)

    conf = {'nio.sessionlessCnxnTimeout': 2500, 'minSessionTimeout': 1000}
    attacks = [a for a in ATTACKS if wanted(a[0])]
    if attacks:
        server = None
        for name, fn, bounds in attacks:
            if server is None:
                server = zk.start('rookery', conf=conf, props=PROPS)
                witness = Witness(server)
            if not suite.run(name, at_its_best, under_attack, server, witness, fn, bounds):
                server.destroy()        # the next one starts afresh
                server = None
        if server is not None:
            suite.run('everything is there after a kill', everything_is_there_after_a_kill, server, witness)
            server.destroy()
    for test in OWN:
        name = test.__name__.replace('_', ' ')
        if wanted(name):
            suite.run(name, test)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
