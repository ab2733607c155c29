"""Random streams: several sessions, few paths, every request, valid and not, in bursts.

stream(pair, seed, steps) drives the pair; the same seed gives the same requests.  What the
requests are made of is chosen so that most of them hit something: paths that exist, sizes and
versions near the true ones, and now and then nonsense.

Left out, because Apache's answer depends on a race or on a known fault of 3.8.0, not on the
requests: writes behind a setACL in one burst, requests behind a closeSession, auth in a burst
with others, children of a container created with the ephemeral flag in the same burst, removal
types 1 and 2 on persistent watches, several modes on one path.
"""

import random

import zkharness as zk
import zkwire as w
from scripting import SUPER, digest_id
from twin import Req

NAMES = ['a', 'b', 'c', 'd', 's-']
IDS = ['u:p', 'v:q', SUPER]
BAD_PATHS = ['', 'x', '//', '/a//b', '/a/', '/.', '/../a', '/a/./b', '/a\x01', '/a\0b', b'/\xff',
             b'/\xed\xa0\x80', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', '/']
VERSIONS = [-1, -1, -1, 0, 0, 1, 2, 3, -2, 2 ** 31 - 1, -2 ** 31]


class Stream:
    def __init__(self, pair, seed, root):
        self.pair, self.root = pair, root
        self.rng = random.Random(seed)
        # Some streams have restricted ACLs.  They never set exists watches, as a 3.8.0 sets them
        # where a later version refuses for want of READ, and every exists has a getData behind
        # it, by which the refusal is judged.
        self.has_acls = self.rng.random() < 0.5
        self.has_ttl = 'extendedTypesEnabled' in pair.options.get('conf', {})
        self.known = [root]
        self.twins = []

    # -- pieces

    def chance(self, p):
        return self.rng.random() < p

    def path(self):
        rng = self.rng
        if self.chance(0.04):
            return rng.choice(BAD_PATHS)
        if self.chance(0.5):
            return rng.choice(self.known)
        depth = rng.choice((1, 1, 1, 2, 2, 3))
        return '/'.join([self.root] + [rng.choice(NAMES[:4]) for _ in range(depth)])

    def new_path(self):
        base = self.rng.choice(self.known) if self.chance(0.6) else self.root
        if self.chance(0.05):
            return self.path()
        if base.count('/') > 5:
            base = self.root
        return base + '/' + self.rng.choice(NAMES)

    def data(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.1:
            return None
        if kind < 0.25:
            return b''
        if kind < 0.95:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 12)))
        return b'L' * rng.randrange(1000, 5000)

    def acl(self):
        rng = self.rng
        if not self.has_acls or self.chance(0.6):
            return w.OPEN
        if self.chance(0.08):
            return rng.choice([None, [], [(31, 'nope', 'x')], [(31, 'digest', 'bad')],
                               [(31, 'world', 'me')], [(31, None, 'x')], [(31, 'ip', '1.2.3')]])
        choices = [(31, 'world', 'anyone'), (rng.randrange(32), 'world', 'anyone'),
                   (31, 'digest', digest_id('u:p')),
                   (rng.randrange(32), 'digest', digest_id('v:q')), (31, 'auth', ''),
                   (rng.randrange(32), 'ip', '127.0.0.1'), (31, 'ip', '10.0.0.0/8'),
                   (rng.randrange(32), 'auth', '')]
        return [rng.choice(choices) for _ in range(rng.choice((1, 1, 2, 3)))]

    def create_body(self, op, is_in_multi=False):
        flags = self.rng.choice((0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4))
        if op == w.CREATE_CONTAINER:
            flags = self.rng.choice((0, 2, 4, 4))
        elif not is_in_multi and self.chance(0.03):
            flags = self.rng.choice((-1, 5, 6, 7, 99))
        path = self.new_path()
        acl = self.acl()
        if is_in_multi and acl is None:
            acl = []        # a null list in a multi is a matter of its own, see multi_bad_fields
        return w.create(path, self.data(), acl, flags)

    def write_op(self, is_in_multi=False):
        rng = self.rng
        kind = rng.random()
        if kind < 0.42:
            op = rng.choice((w.CREATE, w.CREATE, w.CREATE2, w.CREATE_CONTAINER))
            return op, self.create_body(op, is_in_multi)
        if kind < 0.47:
            if not self.has_ttl or self.chance(0.2):
                return w.CREATE_TTL, w.create_ttl(self.new_path(), flags=rng.choice((5, 6)),
                                                  ttl=rng.choice((0, -1, 2 ** 40, 2 ** 39)))
            return w.CREATE_TTL, w.create_ttl(self.new_path(), self.data(), self.acl() or [],
                                              rng.choice((5, 6)), rng.randrange(10 ** 6, 2 ** 40))
        if kind < 0.68:
            return w.DELETE, w.path_version(self.path(), rng.choice(VERSIONS))
        return w.SET_DATA, w.set_data(self.path(), self.data(), rng.choice(VERSIONS))

    def multi(self):
        rng = self.rng
        ops = []
        for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 4, 6))):
            if self.chance(0.15):
                ops.append((w.CHECK, w.path_version(self.path(), rng.choice(VERSIONS))))
            else:
                op, body = self.write_op(is_in_multi=True)
                ops.append((op, body))
        if self.chance(0.03):
            ops.append((w.GET_DATA, w.path_watch(self.path())))
        return Req(w.MULTI, w.multi(ops))

    def multi_read(self):
        ops = [(self.rng.choice((w.GET_DATA, w.GET_CHILDREN)),
                w.path_watch(self.path(), self.chance(0.5)))
               for _ in range(self.rng.randrange(5))]
        if self.chance(0.05):
            ops.append((w.DELETE, w.path_version(self.path())))
        return Req(w.MULTI_READ, w.multi(ops))

    def read(self, twin):
        rng = self.rng
        watch = twin.watch_kind == 'one-shot' and self.chance(0.35)
        kind = rng.random()
        path = self.path()
        if kind < 0.25:
            if self.has_acls:
                return [Req(w.EXISTS, w.path_watch(path)), Req(w.GET_DATA, w.path_watch(path))]
            return [Req(w.EXISTS, w.path_watch(path, watch))]
        if kind < 0.75:
            op = rng.choice((w.GET_DATA, w.GET_DATA, w.GET_CHILDREN, w.GET_CHILDREN2))
            return [Req(op, w.path_watch(path, watch))]
        if kind < 0.82:
            return [Req(w.GET_ACL, w.path_only(path))]
        if kind < 0.87:
            return [Req(w.GET_ALL_CHILDREN_NUMBER, w.path_only(path))]
        if kind < 0.91:
            return [Req(w.GET_EPHEMERALS, w.path_only(path))]
        if kind < 0.95:
            return [self.multi_read()]
        return [rng.choice((Req(w.SYNC, w.path_only(path)), Req(w.PING), Req(w.WHO_AM_I)))]

    def watching(self, twin):
        """Requests about watches, of the one kind this connection uses."""
        rng = self.rng
        path = self.path()
        while isinstance(path, bytes):
            path = self.path()      # not UTF-8: Apache has one name for several of these
        if twin.watch_kind == 'one-shot':
            kind = rng.random()
            if kind < 0.4 and path.startswith('/'):
                return Req(w.CHECK_WATCHES, w.path_type(path, rng.choice((0, 1, 2, 3, 6))))
            if kind < 0.7:
                return Req(w.REMOVE_WATCHES, w.path_type(path, rng.choice((0, 1, 2, 3, 6))))
            lists = [[self.path() for _ in range(rng.randrange(4))] for _ in range(3)]
            zxid = rng.choice((0, -1, twin.seen_zxid, twin.seen_zxid - 5, 2 ** 50))
            if self.chance(0.5):
                return Req(w.SET_WATCHES, w.set_watches(zxid, *lists))
            return Req(w.SET_WATCHES2, w.set_watches(zxid, *lists, [], []))
        mode = 0 if twin.watch_kind == 'persistent' else 1
        if self.chance(0.25):
            return Req(w.REMOVE_WATCHES, w.path_type(path, 3))
        if self.chance(0.2):
            lists = [[], [], [], [], []]
            lists[3 + mode] = [self.path()]
            return Req(w.SET_WATCHES2, w.set_watches(0, *lists))
        return Req(w.ADD_WATCH, w.path_type(path, mode))

    def garbage(self):
        """A well known request with its body damaged: bytes changed, cut off, put in."""
        rng = self.rng
        for _ in range(20):
            if self.chance(0.5) and self.pair.kinds[1] != 'alt':
                # Not against 3.9, where an undecodable write takes no zxid.
                op, body = self.write_op()
            else:
                op = rng.choice((w.GET_DATA, w.GET_CHILDREN, w.GET_CHILDREN2, w.GET_ACL, w.SYNC,
                                 w.GET_EPHEMERALS, w.GET_ALL_CHILDREN_NUMBER))
                body = w.path_watch(self.path() or '/')
            for _ in range(rng.choice((1, 1, 2, 3))):
                at = rng.randrange(len(body)) if body else 0
                kind = rng.random()
                if kind < 0.5 and body:
                    body = body[:at] + bytes([rng.choice((0, 1, 255, 128, rng.randrange(256)))]) \
                        + body[at + 1:]
                elif kind < 0.75:
                    body = body[:at]
                else:
                    body = body[:at] + bytes([rng.randrange(256)]) + body[at:]
            if self.is_fit(op, body):
                return Req(op, body)
        return Req(w.PING)

    def is_fit(self, op, body):
        """No damage that makes a request on which Apache's answer is no guide."""
        try:
            values = w.decode_request(w.frame(1, op, body))[2]
        except w.Short:
            return True
        flags = values.get('flags')
        if op == w.CREATE_TTL and 0 <= flags <= 4:
            return False
        if op == w.CREATE_CONTAINER and flags & 1:
            return False
        acl = values.get('acl')
        if acl and not self.has_acls and acl != [(31, b'world', b'anyone')]:
            return False        # see has_acls
        # Characters outside the basic plane and quota nodes are matters of their own.
        path = values.get('path') or b''
        return all(byte < 0xf0 for byte in path) and not path.startswith(b'/zookeeper/quota')

    # -- steps

    def burst(self, twin):
        reqs = []
        for _ in range(self.rng.choice((1, 1, 1, 2, 3, 5, 8, 12))):
            kind = self.rng.random()
            if kind < 0.40:
                reqs.append(Req(*self.write_op()))
            elif kind < 0.50:
                reqs.append(self.multi())
            elif kind < 0.90:
                reqs += self.read(twin)
            elif kind < 0.98:
                reqs.append(self.watching(twin))
            else:
                reqs.append(self.garbage())
        if self.chance(0.08):
            reqs.append(Req(w.SET_ACL, w.set_acl(self.path(), self.acl(),
                                                 self.rng.choice(VERSIONS))))
        self.learn(twin, twin.send(*reqs))

    def learn(self, twin, replies):
        for reply in replies:
            if reply is None or reply.err:
                continue
            twin.seen_zxid = max(twin.seen_zxid, reply.zxid)
            made = []
            if reply.op == w.CREATE:
                made = [reply.value]
            elif reply.op in (w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL):
                made = [reply.value[0]]
            for path in made:
                self.known.append(path.decode())
        if len(self.known) > 25:
            self.known = [self.root] + self.rng.sample(self.known, 12)

    def open(self, **options):
        twin = self.pair.open(name='c%d' % self.rng.randrange(1000), **options)
        twin.watch_kind = self.rng.choice(('one-shot', 'one-shot', 'persistent', 'recursive'))
        twin.seen_zxid = 0
        self.twins.append(twin)
        return twin

    def step(self):
        kind = self.rng.random()
        if len(self.twins) < 2 or (len(self.twins) < 6 and kind < 0.03):
            self.open()
            return
        twin = self.rng.choice(self.twins)
        if kind < 0.04:
            self.twins.remove(twin)
            if self.chance(0.5):
                twin.send(*[Req(*self.write_op()) for _ in range(3)], Req(w.CLOSE_SESSION))
                twin.drop()
            else:
                twin.end()
        elif kind < 0.05:       # move the session to another connection, perhaps with both open
            self.twins.remove(twin)
            if self.chance(0.5):
                twin.drop()
            again = self.open(session_of=twin)
            if twin in self.pair.twins:
                twin.expect_eof()
                twin.drop()
            again.check_alive()
        elif kind < 0.06 and self.has_acls:
            twin.auth(*self.rng.choice([('digest', i.encode()) for i in IDS] + [('ip', b'')]))
        else:
            self.burst(twin)


def stream(pair, seed, steps):
    root = '/r%d' % seed
    s = Stream(pair, seed, root)
    first = s.open()
    first.create(root)
    for _ in range(steps):
        s.step()
    last = s.open()
    last.auth('digest', SUPER.encode())
    last.tree(root)
    for twin in list(s.twins):
        twin.end()
    zk.check(not s.pair.twins, 'a connection was left')
