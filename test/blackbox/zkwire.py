"""The ZooKeeper client protocol on a raw socket: every request, well formed or not, every reply.

Nothing here hides the protocol: a request is bytes, a reply is bytes, decoding is separate and
never needed to go on.  The formats are those of the protocol reference; none of this code is
shared with a client library, so that it can judge one.

    wire = Wire(sock)                            framed bytes over a connected socket
    wire.send(connect_request(30000))
    wire.send(frame(1, CREATE, create('/a', b'x')))      # xid, opcode, body
    reply = wire.recv()                          bytes of one frame, without the length; None = EOF

Bodies: one function per request record (create, delete, set_data, watch_path, ...); wrong ones
are made by cutting, joining and editing bytes, or from the primitives i32, i64, flag, ustr, buf,
vec.  ustr takes str, bytes (sent as they are) or None; buf takes bytes or None.

decode_reply(op, payload) gives a Decoded: .xid .zxid .err .value .rest and where the fields that
differ from server to server stand (.stats, .lists).  describe_request and describe_reply give one
line of text for people.
"""

import socket
import struct
import time

NOTIFICATION, CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL = range(8)
GET_CHILDREN, SYNC, PING, GET_CHILDREN2, CHECK, MULTI = 8, 9, 11, 12, 13, 14
CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 15, 16, 17, 18
CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL, MULTI_READ = 19, 20, 21, 22
AUTH, SET_WATCHES, SASL, GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER = 100, 101, 102, 103, 104
SET_WATCHES2, ADD_WATCH, WHO_AM_I = 105, 106, 107
CREATE_SESSION, CLOSE_SESSION, ERROR = -10, -11, -1

OP_NAMES = {
    NOTIFICATION: 'notification', CREATE: 'create', DELETE: 'delete', EXISTS: 'exists',
    GET_DATA: 'getData', SET_DATA: 'setData', GET_ACL: 'getACL', SET_ACL: 'setACL',
    GET_CHILDREN: 'getChildren', SYNC: 'sync', PING: 'ping', GET_CHILDREN2: 'getChildren2',
    CHECK: 'check', MULTI: 'multi', CREATE2: 'create2', RECONFIG: 'reconfig',
    CHECK_WATCHES: 'checkWatches', REMOVE_WATCHES: 'removeWatches',
    CREATE_CONTAINER: 'createContainer', DELETE_CONTAINER: 'deleteContainer',
    CREATE_TTL: 'createTTL', MULTI_READ: 'multiRead', AUTH: 'auth', SET_WATCHES: 'setWatches',
    SASL: 'sasl', GET_EPHEMERALS: 'getEphemerals',
    GET_ALL_CHILDREN_NUMBER: 'getAllChildrenNumber', SET_WATCHES2: 'setWatches2',
    ADD_WATCH: 'addWatch', WHO_AM_I: 'whoAmI', CREATE_SESSION: 'createSession',
    CLOSE_SESSION: 'closeSession', ERROR: 'error',
}

ERR_NAMES = {
    0: 'OK', -1: 'SYSTEMERROR', -2: 'RUNTIMEINCONSISTENCY', -5: 'MARSHALLINGERROR',
    -6: 'UNIMPLEMENTED', -8: 'BADARGUMENTS', -12: 'UNKNOWNSESSION', -13: 'NEWCONFIGNOQUORUM',
    -14: 'RECONFIGINPROGRESS', -101: 'NONODE', -102: 'NOAUTH', -103: 'BADVERSION',
    -108: 'NOCHILDRENFOREPHEMERALS', -110: 'NODEEXISTS', -111: 'NOTEMPTY',
    -112: 'SESSIONEXPIRED', -114: 'INVALIDACL', -115: 'AUTHFAILED', -118: 'SESSIONMOVED',
    -119: 'NOTREADONLY', -120: 'EPHEMERALONLOCALSESSION', -121: 'NOWATCHER',
    -123: 'RECONFIGDISABLED', -124: 'SESSIONCLOSEDREQUIRESASLAUTH', -125: 'QUOTAEXCEEDED',
    -127: 'THROTTLEDOP',
}
EVENT_NAMES = {1: 'Created', 2: 'Deleted', 3: 'DataChanged', 4: 'ChildrenChanged'}

READ, WRITE, CREATE_PERM, DELETE_PERM, ADMIN, ALL = 1, 2, 4, 8, 16, 31
OPEN = [(ALL, 'world', 'anyone')]
READ_ONLY = [(READ, 'world', 'anyone')]
CREATOR_ALL = [(ALL, 'auth', '')]

PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL, TTL_SEQUENTIAL = range(7)

WATCH_XID, PING_XID, AUTH_XID, SET_WATCHES_XID = -1, -2, -4, -8


# ---------------------------------------------------------------------------------------------
# primitives

def i32(value):
    return struct.pack('>i', value)


def i64(value):
    return struct.pack('>q', value)


def flag(value):
    return struct.pack('>B', value if isinstance(value, int) else int(bool(value)))


def buf(value):
    return i32(-1) if value is None else i32(len(value)) + value


def ustr(value):
    return buf(value.encode('utf-8', 'surrogatepass') if isinstance(value, str) else value)


def vec(items):
    """items: encoded elements, None = the null list."""
    return i32(-1) if items is None else i32(len(items)) + b''.join(items)


def acl_list(acl):
    """acl: [(perms, scheme, id)], None = null."""
    return vec(None if acl is None else [i32(p) + ustr(s) + ustr(i) for p, s, i in acl])


# ---------------------------------------------------------------------------------------------
# requests

def connect_request(timeout_ms, session=0, password=bytes(16), last_zxid=0, read_only=False,
                    version=0):
    """read_only None leaves the byte out, as clients before 3.4 do."""
    tail = b'' if read_only is None else flag(read_only)
    return (i32(version) + i64(last_zxid) + i32(timeout_ms) + i64(session) + buf(password) + tail)


def frame(xid, op, body=b''):
    return i32(xid) + i32(op) + body


def create(path, data=b'', acl=OPEN, flags=0):
    return ustr(path) + buf(data) + acl_list(acl) + i32(flags)


def create_ttl(path, data=b'', acl=OPEN, flags=TTL, ttl=100000):
    return create(path, data, acl, flags) + i64(ttl)


def path_version(path, version=-1):
    """delete, check"""
    return ustr(path) + i32(version)


def path_only(path):
    """getACL, sync, getEphemerals, getAllChildrenNumber"""
    return ustr(path)


def path_watch(path, watch=False):
    """exists, getData, getChildren, getChildren2"""
    return ustr(path) + flag(watch)


def path_type(path, kind):
    """checkWatches, removeWatches (type), addWatch (mode)"""
    return ustr(path) + i32(kind)


def set_data(path, data, version=-1):
    return ustr(path) + buf(data) + i32(version)


def set_acl(path, acl, version=-1):
    return ustr(path) + acl_list(acl) + i32(version)


def reconfig(joining=None, leaving=None, members=None, config_id=-1):
    return ustr(joining) + ustr(leaving) + ustr(members) + i64(config_id)


def auth(scheme, data, kind=0):
    return i32(kind) + ustr(scheme) + buf(data)


def set_watches(zxid, *lists):
    """Three lists for setWatches, five for setWatches2; a list may be None."""
    return i64(zxid) + b''.join(
        vec(None if paths is None else [ustr(p) for p in paths]) for paths in lists)


def sasl(token):
    return buf(token)


MULTI_END = i32(-1) + flag(1) + i32(-1)


def multi_header(op, done=0, err=-1):
    return i32(op) + flag(done) + i32(err)


def multi(ops, end=MULTI_END):
    """ops: [(opcode, body)]"""
    return b''.join(multi_header(op) + body for op, body in ops) + end


# ---------------------------------------------------------------------------------------------
# decoding

class Short(Exception):
    """The bytes end before the record does, or cannot be that record."""


class Reader:
    """Reads a payload; notes where Stats and unordered lists stand (offsets in the payload)."""

    def __init__(self, data, pos=0):
        self.data, self.pos = data, pos
        self.stats = []         # offsets of Stat records
        self.lists = []         # [(offset, length)] of the elements of a list in no fixed order

    def take(self, count):
        if count < 0 or self.pos + count > len(self.data):
            raise Short('%d bytes wanted at %d of %d' % (count, self.pos, len(self.data)))
        self.pos += count
        return self.data[self.pos - count:self.pos]

    def i32(self):
        return struct.unpack('>i', self.take(4))[0]

    def i64(self):
        return struct.unpack('>q', self.take(8))[0]

    def flag(self):
        return self.take(1)[0]

    def buf(self):
        length = self.i32()
        return None if length == -1 else self.take(length)

    def ustr(self):
        return self.buf()

    def stat(self):
        stat = Stat(*STAT.unpack(self.take(STAT.size)))
        self.stats.append(self.pos - STAT.size)
        return stat

    def vec(self, read):
        count = self.i32()
        if count < 0:
            return None
        if count > len(self.data):
            raise Short('%d elements' % count)
        return [read() for _ in range(count)]

    def unordered(self, read):
        count = self.i32()
        if count < 0:
            return None
        if count > len(self.data):
            raise Short('%d elements' % count)
        spans, values = [], []
        for _ in range(count):
            start = self.pos
            values.append(read())
            spans.append((start, self.pos - start))
        self.lists.append(spans)
        return values

    def acl(self):
        return self.vec(lambda: (self.i32(), self.ustr(), self.ustr()))


STAT = struct.Struct('>qqqqiiiqiiq')


class Stat(tuple):
    FIELDS = ('czxid', 'mzxid', 'ctime', 'mtime', 'version', 'cversion', 'aversion', 'owner',
              'length', 'children', 'pzxid')

    def __new__(cls, *values):
        return tuple.__new__(cls, values)

    def __getattr__(self, name):
        try:
            return self[self.FIELDS.index(name)]
        except ValueError:
            raise AttributeError(name) from None

    def __repr__(self):
        return 'Stat(%s)' % ' '.join('%s=%x' % (f, v) if f == 'owner' and v > 0 else
                                     '%s=%d' % (f, v) for f, v in zip(self.FIELDS, self))


def _multi_results(r):
    results = []
    while True:
        op, done, err = r.i32(), r.flag(), r.i32()
        if done:
            if op != -1 or err != -1:
                raise Short('multi ends with type %d err %d' % (op, err))
            return results
        if op == CREATE:
            value = r.ustr()
        elif op in (CREATE2, CREATE_CONTAINER, CREATE_TTL):
            value = (r.ustr(), r.stat())
        elif op == SET_DATA:
            value = r.stat()
        elif op in (DELETE, CHECK):
            value = None
        elif op == GET_DATA:
            value = (r.buf(), r.stat())
        elif op == GET_CHILDREN:
            value = r.unordered(r.ustr)
        elif op == ERROR:
            value = r.i32()
        else:
            raise Short('multi result of type %d' % op)
        results.append((op, err, value))


_BODIES = {
    CREATE: lambda r: r.ustr(),
    CREATE2: lambda r: (r.ustr(), r.stat()),
    CREATE_CONTAINER: lambda r: (r.ustr(), r.stat()),
    CREATE_TTL: lambda r: (r.ustr(), r.stat()),
    EXISTS: lambda r: r.stat(),
    GET_DATA: lambda r: (r.buf(), r.stat()),
    SET_DATA: lambda r: r.stat(),
    GET_ACL: lambda r: (r.acl(), r.stat()),
    SET_ACL: lambda r: r.stat(),
    GET_CHILDREN: lambda r: r.unordered(r.ustr),
    GET_CHILDREN2: lambda r: (r.unordered(r.ustr), r.stat()),
    SYNC: lambda r: r.ustr(),
    RECONFIG: lambda r: (r.buf(), r.stat()),
    MULTI: _multi_results,
    MULTI_READ: _multi_results,
    SASL: lambda r: r.buf(),
    GET_EPHEMERALS: lambda r: r.unordered(r.ustr),
    GET_ALL_CHILDREN_NUMBER: lambda r: r.i32(),
    ADD_WATCH: lambda r: r.i32(),
    WHO_AM_I: lambda r: r.unordered(lambda: (r.ustr(), r.ustr())),
}


class Decoded:
    """A reply or an event; .problem says why it could not be read to its end."""

    def __init__(self, op, payload):
        self.op, self.payload = op, payload
        self.xid = self.zxid = self.err = self.value = self.problem = None
        self.rest = b''
        r = self.reader = Reader(payload)
        try:
            self.xid, self.zxid, self.err = r.i32(), r.i64(), r.i32()
            if op == NOTIFICATION:
                self.value = (r.i32(), r.i32(), r.ustr())
            elif r.pos < len(payload) and op in _BODIES:
                self.value = _BODIES[op](r)
        except Short as e:
            self.problem = str(e)
        self.rest = payload[r.pos:]

    @property
    def stats(self):
        return self.reader.stats

    @property
    def lists(self):
        return self.reader.lists


def decode_reply(op, payload):
    return Decoded(op, payload)


def is_event(payload):
    return payload[:4] == b'\xff\xff\xff\xff' and len(payload) > 16


class ConnectResponse:
    def __init__(self, payload):
        r = Reader(payload)
        self.version, self.timeout_ms, self.session = r.i32(), r.i32(), r.i64()
        self.password = r.buf()
        self.read_only = r.flag() if r.pos < len(payload) else None
        self.rest = payload[r.pos:]

    def __repr__(self):
        return 'connected timeout=%d session=0x%x readOnly=%s' % (
            self.timeout_ms, self.session & (2 ** 64 - 1), self.read_only)


def password_of(session):
    """The password every server computes for a session id."""
    s = (session ^ 0xB3415C00 ^ 0x5DEECE66D) & (2 ** 48 - 1)
    out = b''
    for _ in range(4):
        s = (s * 0x5DEECE66D + 0xB) & (2 ** 48 - 1)
        out += struct.pack('<I', (s >> 16) & 0xffffffff)
    return out


# ---------------------------------------------------------------------------------------------
# text for people

def _show(value, limit=60):
    if isinstance(value, (bytes, bytearray)):
        text = repr(bytes(value[:limit]))[1:]
        return text + ('...(%d bytes)' % len(value) if len(value) > limit else '')
    if isinstance(value, Stat):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return '[%s]' % ', '.join(_show(v) for v in value)
    return repr(value)


_REQUEST_FIELDS = {
    CREATE: ('path ustr', 'data buf', 'acl acl', 'flags i32'),
    CREATE_TTL: ('path ustr', 'data buf', 'acl acl', 'flags i32', 'ttl i64'),
    DELETE: ('path ustr', 'version i32'),
    EXISTS: ('path ustr', 'watch flag'),
    SET_DATA: ('path ustr', 'data buf', 'version i32'),
    GET_ACL: ('path ustr',),
    SET_ACL: ('path ustr', 'acl acl', 'version i32'),
    RECONFIG: ('joining ustr', 'leaving ustr', 'members ustr', 'config i64'),
    AUTH: ('type i32', 'scheme ustr', 'data buf'),
    SASL: ('token buf',),
    ADD_WATCH: ('path ustr', 'mode i32'),
    SET_WATCHES: ('zxid i64', 'data paths', 'exist paths', 'child paths'),
    SET_WATCHES2: ('zxid i64', 'data paths', 'exist paths', 'child paths', 'persistent paths',
                   'recursive paths'),
    PING: (), CLOSE_SESSION: (), WHO_AM_I: (),
}
for _op in (CREATE2, CREATE_CONTAINER):
    _REQUEST_FIELDS[_op] = _REQUEST_FIELDS[CREATE]
for _op in (GET_DATA, GET_CHILDREN, GET_CHILDREN2):
    _REQUEST_FIELDS[_op] = _REQUEST_FIELDS[EXISTS]
for _op in (CHECK, DELETE_CONTAINER):
    _REQUEST_FIELDS[_op] = _REQUEST_FIELDS[DELETE]
for _op in (SYNC, GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER):
    _REQUEST_FIELDS[_op] = _REQUEST_FIELDS[GET_ACL]
for _op in (CHECK_WATCHES, REMOVE_WATCHES):
    _REQUEST_FIELDS[_op] = _REQUEST_FIELDS[ADD_WATCH]


def _request_values(op, r):
    """{field: value} of one request record."""
    values = {}
    for field in _REQUEST_FIELDS[op]:
        name, kind = field.split()
        values[name] = r.vec(r.ustr) if kind == 'paths' else getattr(r, kind)()
    return values


def _request_fields(op, r):
    return ' '.join('%s=%s' % (name, _show(value))
                    for name, value in _request_values(op, r).items())


def decode_request(payload):
    """(xid, op, {field: value}); raises Short or KeyError."""
    r = Reader(payload)
    xid, op = r.i32(), r.i32()
    return xid, op, _request_values(op, r)


def decode_multi_request(payload):
    """[(op, {field: value})] of a multi or multiRead; raises Short or KeyError."""
    r, ops = Reader(payload, 8), []
    while True:
        op, done, _ = r.i32(), r.flag(), r.i32()
        if done:
            return ops
        ops.append((op, _request_values(op, r)))


def describe_request(payload):
    r = Reader(payload)
    try:
        xid, op = r.i32(), r.i32()
    except Short:
        return 'junk ' + payload.hex()
    text = 'xid=%d %s ' % (xid, OP_NAMES.get(op, 'opcode %d' % op))
    try:
        if op in (MULTI, MULTI_READ):
            parts = []
            while r.pos < len(payload):
                kind, done, err = r.i32(), r.flag(), r.i32()
                if done:
                    parts.append('end' if (kind, err) == (-1, -1) else 'end(%d,%d)' % (kind, err))
                    break
                name = OP_NAMES.get(kind, 'opcode %d' % kind)
                parts.append('%s(%s)' % (name, _request_fields(kind, r)))
            text += '; '.join(parts)
        else:
            text += _request_fields(op, r)
    except (Short, KeyError):
        return text + '?? ' + payload[8:].hex()
    rest = payload[r.pos:]
    return text + (' rest=' + rest.hex() if rest else '')


def describe_reply(op, payload):
    if payload is None:
        return 'connection closed'
    d = decode_reply(op, payload)
    if d.err is None:
        return 'junk ' + payload.hex()
    if op == NOTIFICATION:
        kind, state, path = d.value if d.value else (None, None, None)
        return 'EVENT zxid=%d %s state=%s %s%s' % (d.zxid, EVENT_NAMES.get(kind, kind), state,
                                                  _show(path), ' ' + d.problem if d.problem else '')
    text = 'xid=%d zxid=%d err=%d' % (d.xid, d.zxid, d.err)
    if d.err:
        text += ' ' + ERR_NAMES.get(d.err, '?')
    if d.value is not None:
        text += ' ' + _show(d.value)
    if d.problem:
        text += ' UNREADABLE: ' + d.problem
    if d.rest:
        text += ' rest=' + d.rest.hex()
    return text


# ---------------------------------------------------------------------------------------------
# the socket

class Timeout(Exception):
    """Nothing came in time."""


class Wire:
    """Frames over a connected socket.  A reset by the server counts as its end (EOF)."""

    def __init__(self, sock, timeout_s=20):
        self.sock, self.timeout_s = sock, timeout_s
        self.data = bytearray()
        self.is_eof = False

    def send_raw(self, data):
        """Send bytes as they are; False if the server has closed."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send(self, *payloads):
        """Send frames in one write."""
        return self.send_raw(b''.join(i32(len(p)) + p for p in payloads))

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout()
        self.sock.settimeout(left)
        try:
            chunk = self.sock.recv(262144)
        except socket.timeout:
            raise Timeout() from None
        except (ConnectionResetError, BrokenPipeError):
            chunk = b''
        if chunk:
            self.data += chunk
        else:
            self.is_eof = True
        self.sock.settimeout(self.timeout_s)

    def recv(self, timeout_s=None):
        """One frame without its length; None at the end of the stream; raises Timeout."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while True:
            if len(self.data) >= 4:
                length = struct.unpack('>i', self.data[:4])[0]
                if length < 0:
                    raise Short('the server sent the length %d' % length)
                if len(self.data) >= 4 + length:
                    payload = bytes(self.data[4:4 + length])
                    del self.data[:4 + length]
                    return payload
            if self.is_eof:
                return None
            self._fill(deadline)

    def recv_all(self, timeout_s=None):
        """Every byte up to the end of the stream."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while not self.is_eof:
            self._fill(deadline)
        data, self.data = bytes(self.data), bytearray()
        return data

    def close(self):
        self.sock.close()


class Client:
    """One session over one connection, asking one question at a time: for simple tests.

    c = Client(server); c.call(CREATE, create('/a')).err == 0; c.events holds what came in between.
    """

    def __init__(self, server, timeout_ms=30000, session=0, password=bytes(16), last_zxid=0,
                 read_only=False):
        self.wire = Wire(server.connect())
        self.wire.send(connect_request(timeout_ms, session, password, last_zxid, read_only))
        payload = self.wire.recv()
        if payload is None:
            raise ConnectionError('the server closed the connection instead of a ConnectResponse')
        self.response = ConnectResponse(payload)
        self.session, self.password = self.response.session, self.response.password
        self.events = []
        self.xid = 0

    def post(self, op, body=b'', xid=None):
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.wire.send(frame(xid, op, body))
        return xid

    def take(self, op, timeout_s=None):
        """The next reply, decoded as one to `op`; None = EOF."""
        while True:
            payload = self.wire.recv(timeout_s)
            if payload is None:
                return None
            if not is_event(payload):
                return decode_reply(op, payload)
            self.events.append(decode_reply(NOTIFICATION, payload))

    def call(self, op, body=b'', xid=None, timeout_s=None):
        self.post(op, body, xid)
        return self.take(op, timeout_s)

    def close_session(self):
        self.call(CLOSE_SESSION)
        self.wire.close()

    def close(self):
        self.wire.close()
