"""Scripted streams about connections, sessions, frames, xids, malformed requests."""

import time

import zkharness as zk
import zkwire as w
from scripting import expect, script
from twin import Req


@script
def handshake_variants(p, root):
    for options in (dict(timeout_ms=10000), dict(timeout_ms=0), dict(timeout_ms=-1),
                    dict(timeout_ms=2 ** 31 - 1), dict(timeout_ms=-2 ** 31), dict(timeout_ms=3999),
                    dict(timeout_ms=4000), dict(timeout_ms=4001), dict(version=77),
                    dict(version=-1), dict(password=b''), dict(password=None),
                    dict(password=b'x' * 8), dict(password=b'\xff' * 16), dict(password=b'y' * 500),
                    dict(read_only=True), dict(read_only=2), dict(read_only=None),
                    dict(last_zxid=0), dict(last_zxid=1), dict(last_zxid=-5),
                    dict(last_zxid=-2 ** 63)):
        t = p.open(**options)
        t.get('/')
        t.end()
    t = p.open()
    zxid = t.get('/').zxid
    for ahead in (1, 1000, 2 ** 62):
        p.open(last_zxid=zxid + ahead)
    u = p.open(last_zxid=zxid)
    u.get('/')
    u.end()
    t.end()


def _handshake(**options):
    return w.connect_request(600000, **options)


@script
def handshake_bytes(p, root):
    """Longer, shorter and torn ConnectRequests."""
    whole = _handshake()
    for payload in (whole + b'x', whole + bytes(100), whole[:-1], whole[:-1] + b'\1',
                    whole[:24] + w.i32(-1) + b'\0', whole[:24] + w.i32(-1), whole[:24] + w.i32(0),
                    whole[:24] + w.i32(0) + b'\0', whole[:24] + w.i32(17) + whole[28:]):
        t = p.open(raw=payload)
        t.get('/')
        t.end()
    for payload in (whole[:-2], whole[:24], whole[:20], whole[:8], whole[:3], b'',
                    whole[:24] + w.i32(-2) + whole[28:], whole[:24] + w.i32(18) + whole[28:],
                    whole[:24] + w.i32(2 ** 31 - 1) + whole[28:]):
        t = p.open(is_plain=True)
        t.raw(w.i32(len(payload)) + payload)
        t.drop()
    t = p.open(is_plain=True)
    t.handshake_cut([whole, whole])
    t.get('/')
    t.end()


@script
def junk_before_the_handshake(p, root):
    for junk in (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03',
                 b'xxxx', b'\xff\xff\xff\xff', b'\x80\0\0\0', w.i32(0), w.i32(1048576),
                 b'lead', b'icfg', b'RUOK', b'\xff\xf4\xff\xfd', w.i32(4) + b'ruok'):
        t = p.open(is_plain=True)
        t.raw(junk)
        t.drop()


@script
def junk_after_the_handshake(p, root):
    for junk in (w.i32(0), w.i32(-1), w.i32(-2 ** 31), w.i32(2 ** 31 - 1), w.i32(1048576), b'ruok',
                 b'GET / HTTP/1.1\r\n\r\n', w.i32(1) + b'x', w.i32(4) + w.i32(1),
                 w.i32(7) + w.i32(1) + b'abc'):
        t = p.open()
        t.get('/')
        t.raw(junk)
        t.drop()


@script
def reattach(p, root):
    t = p.open()
    t.create(root)
    t.create(root + '/e', flags=1)
    t.get(root, True)
    t.auth('digest', b'u:p')
    t.drop()
    u = p.open(session_of=t)
    expect(u.get(root + '/e'), 0)
    u.ephemerals('/')
    u.who()
    u.set(root, b'no watch is left')
    v = p.open(session_of=u, timeout_ms=5000)
    u.expect_eof()
    v.get(root + '/e')
    x = p.open(session_of=v, read_only=None)
    v.expect_eof()
    x.get(root)
    y = p.open(session_of=x, read_only=True, version=5)
    y.end()
    z = p.open(session_of=y)
    zk.check(z.is_closed and z.response.session == 0, 'a closed session was taken over')
    t = p.open()
    expect(t.exists(root + '/e'), -101)
    t.end()


@script
def invalid_sessions(p, root):
    t = p.open()
    t.create(root, flags=1)
    t.drop()
    for options in (dict(password=bytes(16)), dict(password=b''), dict(password=b'x' * 16),
                    dict(password=b'y' * 40)):
        for read_only in (False, True, None):
            u = p.open(session_of=t, read_only=read_only, **options)
            zk.check(u.is_closed and u.response.session == 0, 'a wrong password was accepted')
    for session in (1, 0x0100000000000000, 0x7fffffffffffffff, -1, -2 ** 63, 0x0200000000000000):
        for password in (bytes(16), w.password_of(session)):
            u = p.open(raw=w.connect_request(600000, session, password))
            zk.check(u.is_closed and u.response.session == 0, 'an unknown session was accepted')
    back = p.open(session_of=t)
    expect(back.exists(root), 0)
    back.end()


@script
def requests_behind_the_handshake(p, root):
    """Requests in the same segment as the ConnectRequest wait for the session."""
    t = p.open(is_plain=True)
    reqs = [Req(w.CREATE, w.create(root, b'early', flags=1)), Req(w.GET_DATA, w.path_watch(root)),
            Req(w.SET_DATA, w.set_data(root, b'x')), Req(w.PING, xid=w.PING_XID)]
    t.handshake([_handshake(), _handshake()], behind=reqs)
    t.send(*reqs, is_sent=True)
    t.end()


@script
def byte_by_byte(p, root):
    t = p.open()
    t.send(Req(w.CREATE, w.create(root, b'slow')), Req(w.GET_DATA, w.path_watch(root)),
           Req(w.MULTI, w.multi([(w.SET_DATA, w.set_data(root, b'y'))])), parts=60)
    t.send(Req(w.GET_DATA, w.path_watch(root)), parts=10 ** 6)
    t.end()


@script
def xids(p, root):
    t = p.open()
    t.create(root)
    for op, body in ((w.GET_DATA, w.path_watch(root)), (w.SET_DATA, w.set_data(root, b'')),
                     (w.SYNC, w.path_only(root)), (w.WHO_AM_I, b''), (w.AUTH, w.auth('ip', b''))):
        t.send_unfenced(Req(op, body, xid=w.PING_XID), count=1)
    for xid in (0, -1, -3, -4, -5, -8, 1, 1, 1, 2 ** 31 - 1, -2 ** 31, 12345):
        t.op(w.GET_DATA, w.path_watch(root), xid=xid)
        t.op(w.SET_DATA, w.set_data(root, b'%d' % xid), xid=xid)
        t.op(w.SYNC, w.path_only(root), xid=xid)
        t.op(w.CREATE, w.create(root), xid=xid)
        t.op(w.WHO_AM_I, xid=xid)
        t.op(w.AUTH, w.auth('ip', b''), xid=xid)
        t.op(w.SET_WATCHES, w.set_watches(0, [], [], []), xid=xid)
    for xid in (0, -1, 5, 2 ** 31 - 1, -2):
        t.op(w.PING, xid=xid)
        t.op(w.PING, b'trailing', xid=xid)
    t.send_unfenced(Req(w.CLOSE_SESSION, b'trailing', xid=0))


@script
def unknown_opcodes(p, root):
    for op in (0, 10, 23, 24, 50, 99, 108, 109, 1000, -1, -2, -3, -12, -100, 2 ** 31 - 1, -2 ** 31):
        for body in (b'', w.path_watch('/')):
            t = p.open()
            t.send_unfenced(Req(op, body))
            zk.check(t.is_closed, 'opcode %d did not close' % op)
            t.drop()


@script
def trailing_bytes(p, root):
    t = p.open()
    t.create(root)
    for op, body in ((w.CREATE, w.create(root + '/t')), (w.DELETE, w.path_version(root + '/t')),
                     (w.EXISTS, w.path_watch(root)), (w.GET_DATA, w.path_watch(root)),
                     (w.SET_DATA, w.set_data(root, b'')), (w.GET_ACL, w.path_only(root)),
                     (w.SET_ACL, w.set_acl(root, w.OPEN)), (w.SYNC, w.path_only(root)),
                     (w.GET_CHILDREN, w.path_watch(root)), (w.GET_CHILDREN2, w.path_watch(root)),
                     (w.GET_EPHEMERALS, w.path_only('/')), (w.ADD_WATCH, w.path_type(root, 0)),
                     (w.REMOVE_WATCHES, w.path_type(root, 3)), (w.MULTI, w.multi([])),
                     (w.MULTI_READ, w.multi([])), (w.SASL, w.sasl(b'')),
                     (w.GET_ALL_CHILDREN_NUMBER, w.path_only(root))):
        t.op(op, body + b'and more')
    t.end()


def _cuts(body):
    """The body without its end, at every length up to 24 and then at some."""
    return [body[:n] for n in range(len(body)) if n < 24 or n % 7 == 0 or n > len(body) - 6]


@script
def malformed_reads(p, root):
    t = p.open()
    t.create(root)
    for op, body in ((w.EXISTS, w.path_watch(root)), (w.GET_DATA, w.path_watch(root)),
                     (w.GET_CHILDREN, w.path_watch(root)), (w.GET_CHILDREN2, w.path_watch(root)),
                     (w.GET_ACL, w.path_only(root)), (w.SYNC, w.path_only(root)),
                     (w.GET_EPHEMERALS, w.path_only(root)), (w.ADD_WATCH, w.path_type(root, 0)),
                     (w.CHECK_WATCHES, w.path_type(root, 1)),
                     (w.REMOVE_WATCHES, w.path_type(root, 1)),
                     (w.GET_ALL_CHILDREN_NUMBER, w.path_only(root))):
        for cut in _cuts(body):
            expect(t.op(op, cut), -5)
        for length in (-2, -2 ** 31, 2 ** 31 - 1, 1000, len(body)):
            expect(t.op(op, w.i32(length) + body[4:]), -5)
    t.end()


@script
def malformed_writes(p, root):
    """Refused with -5, and each takes a zxid, as any failed write does."""
    t = p.open()
    t.create(root)
    for op, body in ((w.CREATE, w.create(root + '/x')), (w.CREATE2, w.create(root + '/x')),
                     (w.CREATE_CONTAINER, w.create(root + '/x')),
                     (w.CREATE_TTL, w.create_ttl(root + '/x')),
                     (w.DELETE, w.path_version(root + '/x')),
                     (w.SET_DATA, w.set_data(root, b'data')),
                     (w.SET_ACL, w.set_acl(root, w.OPEN))):
        for cut in _cuts(body):
            expect(t.op(op, cut), -5)
        for length in (-2, -2 ** 31, 2 ** 31 - 1, 1000, len(body)):
            expect(t.op(op, w.i32(length) + body[4:]), -5)
    head = w.ustr(root + '/y') + w.buf(b'')
    for count in (2, 2 ** 31 - 1, 1000000, -2, -2 ** 31):
        t.op(w.CREATE, head + w.i32(count) + w.i32(31) + w.ustr('world') + w.ustr('anyone')
             + w.i32(0))
    for length in (-2, 2 ** 31 - 1, 2 ** 21, -2 ** 31):
        t.op(w.SET_DATA, w.ustr(root) + w.i32(length) + b'data' + w.i32(-1))
        t.op(w.CREATE, head + w.i32(1) + w.i32(31) + w.i32(length) + b'world' + w.ustr('anyone')
             + w.i32(0))
    t.tree(root)
    t.end()


@script
def booleans_and_nulls(p, root):
    t = p.open()
    t.create(root)
    for value in (0, 1, 2, 127, 128, 255):
        t.op(w.GET_DATA, w.ustr(root) + w.flag(value))
        t.set(root, b'%d' % value)
    for op in (w.EXISTS, w.GET_DATA, w.GET_CHILDREN, w.GET_CHILDREN2):
        expect(t.op(op, w.path_watch(None)), -5)
    for op in (w.GET_ACL, w.GET_ALL_CHILDREN_NUMBER):
        expect(t.op(op, w.path_only(None)), -5)
    t.sync(None)
    t.end()


@script
def sasl_and_reconfig(p, root):
    t = p.open()
    for token in (b'', b'x', b'\0' * 100):
        t.op(w.SASL, w.sasl(token))
    for body in (w.reconfig(), w.reconfig('server.1=a:1:2', None, None), w.reconfig('', '1', ''),
                 w.reconfig(None, None, 'server.1=a:1:2:participant;3', 5), b'', w.i32(-2)):
        t.op(w.RECONFIG, body)
    t.end()
    t = p.open()
    t.raw(w.i32(12) + w.frame(9, w.SASL, w.sasl(None)), label='sasl null')
    t.drop()


@script(config='extended')
def reconfig_while_enabled(p, root):
    t = p.open()
    for body in (w.reconfig(), w.reconfig('server.1=a:1:2', None, None), w.reconfig('', '1', ''),
                 w.reconfig(None, None, 'server.1=a:1:2:participant;3', 5)):
        t.op(w.RECONFIG, body)
    t.auth('digest', b'super:secret')
    t.op(w.RECONFIG, w.reconfig())
    t.end()


@script
def close_session_in_a_burst(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    t.get(root, True)
    u.send(Req(w.CREATE, w.create(root + '/e', flags=1)), Req(w.CREATE, w.create(root + '/k')),
           Req(w.SET_DATA, w.set_data(root, b'')), Req(w.CREATE, w.create(root + '/f', flags=1)),
           Req(w.DELETE, w.path_version(root + '/e')),
           Req(w.CREATE, w.create(root + '/e', flags=1)),
           Req(w.CLOSE_SESSION), Req(w.GET_DATA, w.path_watch(root)), Req(w.PING))
    zk.check(u.is_closed, 'not closed')
    t.tree(root)
    t.end()


@script
def order_in_a_burst(p, root):
    """Two hundred reads and writes in one write: in order, each read sees the write before it."""
    t = p.open()
    t.create(root)
    reqs = []
    for i in range(100):
        reqs += [Req(w.SET_DATA, w.set_data(root, b'%d' % i)),
                 Req(w.GET_DATA, w.path_watch(root, True)) if i % 2 else
                 Req(w.SYNC, w.path_only(root))]
    t.send(*reqs)
    t.send(*[Req(w.PING) for _ in range(50)])
    t.end()


@script(config='guarded')
def session_timeout_limits(p, root):
    """minSessionTimeout=7000, maxSessionTimeout=900000."""
    for timeout_ms in (0, 6999, 7000, 7001, 900000, 900001):
        t = p.open(timeout_ms=timeout_ms)
        t.auth_unfenced('digest', b'u:p')
        t.end()


@script(config='throttled')
def limits_of_connections_and_requests(p, root):
    """Three connections at once, three handshakes in all, 5000 bytes of large requests."""
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    extra = p.open(is_plain=True)
    extra.expect_eof()          # maxCnxns
    extra.drop()
    overhead = len(w.frame(1, w.SET_DATA, w.set_data(root, b'')))
    expect(t.set(root, b'x' * (1000 - overhead)), 0)
    expect(t.set(root, b'x' * (1001 - overhead)), 0)
    expect(t.set(root, b'x' * (5000 - overhead)), 0)
    t.send(*[Req(w.SET_DATA, w.set_data(root, b'%d' % i)) for i in range(40)])
    big = w.frame(1, w.SET_DATA, w.set_data(root, b'x' * 6000))
    v.raw(w.i32(len(big)) + big, label='a request above largeRequestMaxBytes')
    v.drop()
    t.get(root)
    _settle(0.2)
    late = p.open()             # no token is left
    zk.check(late.is_closed, 'a fourth handshake was served')
    late.drop()
    u.end()
    t.end()


@script(config='guarded')
def outstanding_limit_of_one(p, root):
    t = p.open()
    t.auth_unfenced('digest', b'u:p')
    t.create(root)
    for _ in range(3):
        t.send(*[Req(w.SET_DATA, w.set_data(root, b'%d' % i)) for i in range(60)])
    t.end()


@script
def several_sessions(p, root):
    """Versions, locks and counters between sessions, each step seen by all."""
    twins = [p.open() for _ in range(5)]
    twins[0].create(root, b'0')
    for round_ in range(4):
        for at, t in enumerate(twins):
            t.set(root, b'%d' % at, round_ * 5 + at)
            t.set(root, b'stale', round_ * 5 + at)
            t.create(root + '/lock', flags=1)
            t.create(root + '/q-', flags=3)
            twins[(at + 1) % 5].ls2(root)
            if (at + round_) % 2:
                t.delete(root + '/lock')
    for t in twins:
        t.end()
    t = p.open()
    t.tree(root)
    t.end()


# -- sessions that die; the waits are real time

def _settle(seconds):
    time.sleep(seconds)


@script(config='expiry')
def session_expires(p, root):
    """tickTime 250: a session of 500 ms without a client is gone within a second."""
    t = p.open()
    t.create(root)
    u = p.open(timeout_ms=500)
    u.create(root + '/e', b'x', flags=1)
    u.create(root + '/f-', b'x', flags=3)
    t.get(root + '/e', True)
    t.ls(root, True)
    u.drop()
    _settle(1.6)
    t.check_alive(is_unordered=True)
    expect(t.get(root + '/e'), -101)
    t.tree(root)
    gone = p.open(session_of=u)
    zk.check(gone.is_closed and gone.response.session == 0, 'an expired session was taken over')
    t.end()


@script(config='expiry')
def silent_connection_is_closed(p, root):
    t = p.open()
    t.create(root)
    u = p.open(timeout_ms=500)
    u.create(root + '/e', flags=1)
    for _ in range(6):
        _settle(0.25)
        u.check_alive()         # pings keep it
    expect(t.get(root + '/e'), 0)
    _settle(1.6)
    u.expect_eof()
    expect(t.get(root + '/e'), -101)
    t.end()


@script(config='expiry')
def reattach_keeps_a_session(p, root):
    t = p.open()
    t.create(root)
    u = p.open(timeout_ms=500)
    u.create(root + '/e', flags=1)
    v = p.open(session_of=u, timeout_ms=600000)
    u.expect_eof()
    v.drop()
    _settle(1.6)
    expect(t.get(root + '/e'), 0)
    x = p.open(session_of=v, timeout_ms=500)
    x.drop()
    _settle(1.6)
    expect(t.get(root + '/e'), -101)
    t.end()


@script(config='expiry')
def containers_and_ttls_are_reaped(p, root):
    """The reaper looks every 300 ms.  One candidate at a time, so that the zxids are known."""
    t = p.open()
    t.create(root)
    c = root + '/c'
    expect(t.container(c), 0)
    _settle(0.9)
    expect(t.exists(c), 0)          # never used: it stays
    t.create(c + '/kid')
    t.get(c, True)
    t.ls(root, True)
    t.delete(c + '/kid')
    _settle(0.9)
    t.check_alive()
    expect(t.exists(c), -101)
    expect(t.create_ttl(root + '/ttl', ttl=400), 0)
    t.get(root + '/ttl', True)
    t.create(root + '/ttl/kid')
    _settle(1.0)
    expect(t.exists(root + '/ttl'), 0)      # it has a child
    t.delete(root + '/ttl/kid')
    _settle(1.0)
    t.check_alive()
    expect(t.exists(root + '/ttl'), -101)
    t.tree(root)
    t.end()


@script(config='expiry')
def skip_acl(p, root):
    """skipACL=yes: permissions are not checked, lists are still fixed up."""
    t = p.open()
    expect(t.create(root, acl=[(0, 'world', 'anyone')]), 0)
    expect(t.get(root), 0)
    expect(t.set(root, b'x'), 0)
    expect(t.get_acl(root), 0)
    expect(t.create(root + '/k'), 0)
    expect(t.create(root + '/l', acl=[]), -114)
    expect(t.delete(root + '/k'), 0)
    expect(t.set('/zookeeper/config', b''), 0)
    t.end()
