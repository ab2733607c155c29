"""Apache's transaction logs, and the tree that they make: written for the tests alone, from the format.

    log = read_dir(data_dir)        [Txn] of all log files of a data directory, in file order
    tree = Tree()
    tree.apply(txn)                 touches nodes; tree.history(path) keeps every version of them

Nothing here is shared with the server, so that it can judge it: the record format and its checksum,
the effects of every transaction, every field of Stat, the sum of node digests.
"""

import bisect
import collections
import os
import struct
import zlib

import zkwire as w

HEADER = struct.Struct('>iiq')
LOG_MAGIC = 0x5A4B4C47
RECORD = struct.Struct('>qi')
TXN_HEADER = struct.Struct('>qiqqi')
DIGEST = struct.Struct('>iq')
END = 0x42

CREATES = (w.CREATE, w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL)
CONTAINER_OWNER = -2 ** 63
TTL_MASK = 0xFF << 56


class Damaged(Exception):
    """A log that no server may have written."""


Txn = collections.namedtuple('Txn', 'zxid session cxid time type body digest payload')
# Of a multi's elements: type and body only.
Sub = collections.namedtuple('Sub', 'type body')


# ---------------------------------------------------------------------------------------------
# records

def _body(kind, r):
    if kind in (w.CREATE, w.CREATE2):
        return {'path': r.ustr(), 'data': r.buf(), 'acl': r.acl(), 'ephemeral': r.flag(),
                'parent_cversion': r.i32()}
    if kind == w.CREATE_CONTAINER:
        return {'path': r.ustr(), 'data': r.buf(), 'acl': r.acl(), 'parent_cversion': r.i32()}
    if kind == w.CREATE_TTL:
        return {'path': r.ustr(), 'data': r.buf(), 'acl': r.acl(), 'parent_cversion': r.i32(),
                'ttl': r.i64()}
    if kind in (w.DELETE, w.DELETE_CONTAINER):
        return {'path': r.ustr()}
    if kind in (w.SET_DATA, w.RECONFIG):
        return {'path': r.ustr(), 'data': r.buf(), 'version': r.i32()}
    if kind == w.CHECK:
        return {'path': r.ustr(), 'version': r.i32()}
    if kind == w.SET_ACL:
        return {'path': r.ustr(), 'acl': r.acl(), 'version': r.i32()}
    if kind == w.CREATE_SESSION:
        return {'timeout': r.i32()}
    if kind == w.CLOSE_SESSION:
        # Absent when the leader leaves the list out.
        return {'paths': r.vec(r.ustr) if len(r.data) - r.pos not in (0, DIGEST.size) else None}
    if kind == w.ERROR:
        return {'err': r.i32()}
    if kind == w.MULTI:
        return {'subs': _subs(r.vec(lambda: (r.i32(), r.buf())))}
    raise Damaged('a transaction of type %d' % kind)


def _subs(raw):
    """A failed multi is its errors, in whichever of Apache's forms it came.

    As proposed, elements before the failed one have their own types.  Applying it changes those to
    errors and leaves their bodies as they were; a learner that gets it later by DIFF logs that.
    """
    if not any(kind == w.ERROR for kind, _ in raw):
        return [Sub(kind, _body(kind, w.Reader(data))) for kind, data in raw]
    subs, failed = [], False
    for kind, data in raw:
        err = -2 if failed else 0
        if kind == w.ERROR and len(data) == 4:
            err = w.Reader(data).i32()
        failed = failed or err != 0
        subs.append(Sub(w.ERROR, {'err': err}))
    return subs


def decode_txn(payload):
    """One record of a log, or the data of a PROPOSAL."""
    session, cxid, zxid, time, kind = TXN_HEADER.unpack(payload[:TXN_HEADER.size])
    r = w.Reader(payload, TXN_HEADER.size)
    try:
        body = _body(kind, r)
    except w.Short as e:
        raise Damaged('zxid 0x%x, type %d: %s' % (zxid, kind, e)) from None
    digest = None
    if len(payload) - r.pos >= DIGEST.size:
        version, digest = DIGEST.unpack(r.take(DIGEST.size))
        if version != 2:
            raise Damaged('zxid 0x%x: digest version %d' % (zxid, version))
    return Txn(zxid, session, cxid, time, kind, body, digest, payload)


def read_log(path):
    """The records of one file, up to its torn or padded end."""
    with open(path, 'rb') as f:
        data = f.read()
    if not data:
        return []
    if len(data) < HEADER.size or HEADER.unpack(data[:HEADER.size])[0] != LOG_MAGIC:
        raise Damaged('%s: no header of a log' % path)
    found, pos = [], HEADER.size
    while pos + RECORD.size <= len(data):
        checksum, length = RECORD.unpack(data[pos:pos + RECORD.size])
        end = pos + RECORD.size + length
        if length <= 0 or end >= len(data) or data[end] != END:
            if length < 0:
                raise Damaged('%s: a record of length %d' % (path, length))
            break
        payload = data[pos + RECORD.size:end]
        if zlib.adler32(payload) != checksum:
            raise Damaged('%s: checksum of the record at %d' % (path, pos))
        found.append(decode_txn(payload))
        pos = end + 1
    return found


def log_files(data_dir):
    folder = os.path.join(data_dir, 'version-2')
    if not os.path.isdir(folder):
        return []
    names = [x for x in os.listdir(folder) if x.startswith('log.') and x.count('.') == 1]
    return [os.path.join(folder, x) for x in sorted(names, key=lambda x: int(x.split('.')[1], 16))]


def read_dir(data_dir):
    return [txn for path in log_files(data_dir) for txn in read_log(path)]


# ---------------------------------------------------------------------------------------------
# the tree

class Node:
    __slots__ = ('data', 'czxid', 'mzxid', 'ctime', 'mtime', 'version', 'creates', 'aversion',
                 'owner', 'pzxid', 'children')

    def __init__(self, data=b'', zxid=0, time=0, owner=0):
        self.data = data
        self.czxid = self.mzxid = self.pzxid = zxid
        self.ctime = self.mtime = time
        self.version = self.creates = self.aversion = 0
        self.owner = owner
        self.children = set()

    def stat(self):
        owner = self.owner if self.owner >= -2 ** 56 else 0     # containers and TTL show none
        return w.Stat(self.czxid, self.mzxid, self.ctime, self.mtime, self.version,
                      self.creates * 2 - len(self.children), self.aversion, owner,
                      len(self.data or b''), len(self.children), self.pzxid)

    def digest(self, path):
        if path.startswith(b'/zookeeper/'):
            return 0
        crc = zlib.crc32(path if path != b'/' else b'')
        crc = zlib.crc32(self.data or b'', crc)
        return zlib.crc32(struct.pack('>qqqqqiiiq', self.czxid, self.mzxid, self.pzxid, self.ctime,
                                      self.mtime, self.version, self.creates, self.aversion,
                                      self.owner), crc)


Version = collections.namedtuple('Version', 'data stat children')      # of a node


def parent_of(path):
    return path[:path.rindex(b'/')] or b'/'


class Tree:
    """The state after every transaction so far, and of each node what it was when."""

    def __init__(self):
        root, own = Node(), Node()
        root.children, own.children = {b'zookeeper'}, {b'config', b'quota'}
        self.nodes = {b'/': root, b'/zookeeper': own}
        self.digest = sum(n.digest(p) for p, n in self.nodes.items())
        self.zxid = 0
        self.sessions = {}              # session -> timeout
        self.closed = {}                # session -> zxid
        self.owned = collections.defaultdict(set)
        self.versions = {}              # path -> ([zxid], [Version or None])
        self.touched = {}               # path -> digest before
        for path in self.nodes:
            self._note(path, 0)

    # -- versions

    def _note(self, path, zxid):
        node = self.nodes.get(path)
        zxids, states = self.versions.setdefault(path, ([], []))
        state = None if node is None else Version(node.data, node.stat(), frozenset(node.children))
        if zxids and zxids[-1] == zxid:
            states[-1] = state
        else:
            zxids.append(zxid)
            states.append(state)

    def at(self, path, zxid):
        """The node's Version after everything up to zxid; None if it was not there."""
        zxids, states = self.versions.get(path, ([], []))
        i = bisect.bisect_right(zxids, zxid)
        return states[i - 1] if i else None

    def intervals(self, path):
        """[(from zxid, to zxid (exclusive, None: still), Version or None)], the first from 0."""
        zxids, states = self.versions.get(path, ([], []))
        found = [(0, zxids[0] if zxids else None, None)] if not zxids or zxids[0] else []
        for i, state in enumerate(states):
            found.append((zxids[i], zxids[i + 1] if i + 1 < len(zxids) else None, state))
        return found

    # -- effects

    def _touch(self, path):
        if path not in self.touched:
            node = self.nodes.get(path)
            self.touched[path] = node.digest(path) if node else 0

    def _create(self, txn, kind, body):
        path, parent = body['path'], parent_of(body['path'])
        if path in self.nodes or parent not in self.nodes:
            raise Damaged('0x%x creates %r: %s' % (
                txn.zxid, path, 'exists' if path in self.nodes else 'no parent'))
        owner = 0
        if kind == w.CREATE_CONTAINER:
            owner = CONTAINER_OWNER
        elif kind == w.CREATE_TTL:
            owner = (TTL_MASK | body['ttl']) - 2 ** 64     # as a signed number
        elif body['ephemeral']:
            owner = txn.session
        self._touch(path)
        self._touch(parent)
        self.nodes[path] = Node(body['data'], txn.zxid, txn.time, owner)
        if owner == txn.session:
            self.owned[owner].add(path)
        above = self.nodes[parent]
        above.children.add(path[path.rindex(b'/') + 1:])
        above.creates = body['parent_cversion']
        above.pzxid = txn.zxid

    def _delete(self, txn, path):
        node, parent = self.nodes.get(path), parent_of(path)
        if node is None:
            raise Damaged('0x%x deletes %r, which is not there' % (txn.zxid, path))
        if node.children:
            raise Damaged('0x%x deletes %r, which has children' % (txn.zxid, path))
        self._touch(path)
        self._touch(parent)
        del self.nodes[path]
        self.owned[node.owner].discard(path)
        above = self.nodes[parent]
        above.children.discard(path[path.rindex(b'/') + 1:])
        above.pzxid = txn.zxid

    def _node(self, txn, body):
        node = self.nodes.get(body['path'])
        if node is None:
            raise Damaged('0x%x changes %r, which is not there' % (txn.zxid, body['path']))
        self._touch(body['path'])
        return node

    def _one(self, txn, kind, body):
        if kind in CREATES:
            self._create(txn, kind, body)
        elif kind in (w.DELETE, w.DELETE_CONTAINER):
            self._delete(txn, body['path'])
        elif kind == w.SET_DATA:
            node = self._node(txn, body)
            node.data, node.version = body['data'], body['version']
            node.mzxid, node.mtime = txn.zxid, txn.time
        elif kind == w.SET_ACL:
            self._node(txn, body).aversion = body['version']
        elif kind == w.CREATE_SESSION:
            self.sessions[txn.session] = body['timeout']
        elif kind == w.CLOSE_SESSION:
            self.sessions.pop(txn.session, None)
            self.closed[txn.session] = txn.zxid
            for path in sorted(self.owned.get(txn.session, ())):
                self._delete(txn, path)
        elif kind == w.MULTI:
            if not is_failed_multi(body):
                for sub in body['subs']:
                    self._one(txn, sub.type, sub.body)
        elif kind not in (w.ERROR, w.CHECK, w.RECONFIG):
            raise Damaged('0x%x has type %d' % (txn.zxid, kind))

    def apply(self, txn):
        """Returns the paths that it touched.  Raises Damaged if it cannot have been committed here."""
        self.touched = {}
        self._one(txn, txn.type, txn.body)
        self.zxid = txn.zxid
        for path, before in self.touched.items():
            node = self.nodes.get(path)
            self.digest += (node.digest(path) if node else 0) - before
            self._note(path, txn.zxid)
        self.digest %= 2 ** 64
        return set(self.touched)


def is_failed_multi(body):
    return any(sub.type == w.ERROR for sub in body['subs'])


def error_of(txn):
    """What the client is told: 0, or the error of a single operation; of a multi the first."""
    if txn.type == w.ERROR:
        return txn.body['err']
    if txn.type == w.MULTI:
        errors = [s.body['err'] for s in txn.body['subs'] if s.type == w.ERROR]
        return next((e for e in errors if e not in (0, -2)), errors[0] if errors else 0)
    return 0
