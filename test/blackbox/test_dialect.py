#!/usr/bin/python3
"""What Apache ZooKeeper 3.8.0 cannot be the judge of: the newer dialect, and the faults not copied.

Each test is a row of docs/compatibility.md, by name.  Those marked as dialect also hold for
Apache ZooKeeper 3.9.5 (`--against alt` with $ZK_ALT_CLASSPATH shows it); the others are requests
that harm an Apache server, so they go to Rookery alone.
"""

import argparse
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk
import zkwire as w
from scripting import CONFIGS, SUPER

OK, MARSHALLING, UNIMPLEMENTED, BAD_ARGUMENTS = 0, -5, -6, -8
NO_NODE, NO_AUTH, BAD_VERSION, NODE_EXISTS, NO_WATCHER = -101, -102, -103, -110, -121
CREATED, DELETED, DATA, CHILDREN = 1, 2, 3, 4

TESTS = []      # (row, title, config, is_dialect, function)


def test(row, title, config='plain', is_dialect=False):
    def add(fn):
        TESTS.append((row, title, config, is_dialect, fn))
        return fn
    return add


class Client(w.Client):
    """Client with the checks these tests need."""

    def expect(self, err, op, body=b'', **options):
        reply = self.call(op, body, **options)
        if reply is None or reply.err != err:
            raise zk.CheckFailed('%s: expected err %d, saw %s' % (
                w.describe_request(w.frame(0, op, body)), err,
                'the end of the connection' if reply is None
                else w.describe_reply(op, reply.payload)))
        return reply

    def create(self, path, data=b'', acl=w.OPEN, flags=0):
        return self.expect(OK, w.CREATE, w.create(path, data, acl, flags))

    def set(self, path, data=b''):
        return self.expect(OK, w.SET_DATA, w.set_data(path, data))

    def delete(self, path):
        return self.expect(OK, w.DELETE, w.path_version(path))

    def zxid(self):
        return self.expect(OK, w.GET_DATA, w.path_watch('/')).zxid

    def watch_mode(self, path, mode):
        return self.expect(OK, w.ADD_WATCH, w.path_type(path, mode))

    def seen(self):
        """[(type, path)] of the events since the last call."""
        self.expect(OK, w.PING, xid=w.PING_XID)
        events, self.events = self.events, []
        return [(e.value[0], e.value[2].decode()) for e in events]

    def must_end(self, op, body, err=None):
        """The request is answered with err and zxid -1, then the connection is closed."""
        reply = self.call(op, body)
        zk.check(reply is not None, 'closed without a reply')
        zk.check_equal((reply.err, reply.zxid, len(reply.payload)), (err, -1, 16), 'the reply')
        zk.check_equal(self.take(op, 10), None, 'behind the reply')

    def is_open(self):
        try:
            reply = self.call(w.PING, xid=w.PING_XID, timeout_s=10)
        except w.Timeout:
            return False
        return reply is not None and reply.err == 0


# -- the dialect of 3.9.5

@test('event-zxid', 'events carry the zxid of their transaction', is_dialect=True)
def event_zxids(server, root):
    c, other = Client(server), Client(server)
    c.create(root)
    for client in (c, other):
        client.watch_mode(root, 0)
        client.watch_mode(root, 1)
    zxids = [c.set(root).zxid, c.create(root + '/a').zxid, c.set(root + '/a').zxid,
             c.expect(OK, w.MULTI, w.multi([(w.CREATE, w.create(root + '/b')),
                                            (w.DELETE, w.path_version(root + '/b'))])).zxid]
    expected = [(zxids[0], DATA, root), (zxids[1], CREATED, root + '/a'),
                (zxids[1], CHILDREN, root), (zxids[2], DATA, root + '/a'),
                (zxids[3], CREATED, root + '/b'),
                (zxids[3], CHILDREN, root), (zxids[3], DELETED, root + '/b'),
                (zxids[3], CHILDREN, root)]
    for client in (c, other):
        client.expect(OK, w.PING, xid=w.PING_XID)
        zk.check_equal([(e.zxid, e.value[0], e.value[2].decode()) for e in client.events], expected,
                       'events')
        client.events = []
    other.expect(OK, w.SET_WATCHES, w.set_watches(0, [root], [root], []))
    zk.check_equal([e.zxid for e in other.events], [-1, -1], 'zxids of the catch-up')


@test('watch-modes', 'several modes of one path add up', is_dialect=True)
def watch_modes(server, root):
    c, s = Client(server), root + '/s'
    c.create(root)
    c.create(s)
    c.watch_mode(s, 1)
    c.expect(OK, w.GET_DATA, w.path_watch(s, True))
    c.expect(OK, w.GET_CHILDREN, w.path_watch(s, True))
    c.set(s)
    c.create(s + '/k')
    c.set(s)
    c.create(s + '/k2')
    zk.check_equal(c.seen(), [(DATA, s), (CREATED, s + '/k'), (CHILDREN, s), (DATA, s),
                              (CREATED, s + '/k2')], 'recursive and one-shot')
    c.watch_mode(s, 0)
    c.set(s)
    c.create(s + '/k3')
    zk.check_equal(c.seen(), [(DATA, s), (CREATED, s + '/k3'), (CHILDREN, s)],
                   'recursive and persistent')
    c.expect(OK, w.REMOVE_WATCHES, w.path_type(s, 5))
    c.create(s + '/k4')
    c.set(s)
    zk.check_equal(c.seen(), [(CHILDREN, s), (DATA, s)], 'persistent is left')
    c.expect(OK, w.GET_DATA, w.path_watch(s, True))
    c.expect(OK, w.REMOVE_WATCHES, w.path_type(s, 4))
    c.set(s)
    c.set(s)
    zk.check_equal(c.seen(), [(DATA, s)], 'one-shot is left')


@test('watch-types', 'removal types 1 to 5 name one kind each', is_dialect=True)
def watch_types(server, root):
    c = Client(server)
    c.create(root)
    arms = {'data': lambda: c.expect(OK, w.GET_DATA, w.path_watch(root, True)),
            'child': lambda: c.expect(OK, w.GET_CHILDREN, w.path_watch(root, True)),
            'persistent': lambda: c.watch_mode(root, 0), 'recursive': lambda: c.watch_mode(root, 1)}
    matches = {1: {'child'}, 2: {'data'}, 3: set(arms), 4: {'persistent'}, 5: {'recursive'}}
    for name, arm in arms.items():
        for kind, names in matches.items():
            arm()
            err = OK if name in names else NO_WATCHER
            c.expect(err, w.CHECK_WATCHES, w.path_type(root, kind))
            c.expect(err, w.REMOVE_WATCHES, w.path_type(root, kind))
            c.expect(NO_WATCHER if err == OK else OK, w.CHECK_WATCHES, w.path_type(root, 3))
            if err != OK:
                c.expect(OK, w.REMOVE_WATCHES, w.path_type(root, 3))
    for kind in (0, 6, -1):
        c.expect(MARSHALLING, w.CHECK_WATCHES, w.path_type(root, kind))
        c.expect(MARSHALLING, w.REMOVE_WATCHES, w.path_type(root, kind))


@test('watch-types', 'data and child watch: removing one leaves the other', is_dialect=True)
def removal_leaves_the_other(server, root):
    c = Client(server)
    c.create(root)
    c.expect(OK, w.GET_DATA, w.path_watch(root, True))
    c.expect(OK, w.GET_CHILDREN, w.path_watch(root, True))
    c.expect(OK, w.REMOVE_WATCHES, w.path_type(root, 2))
    c.set(root)
    c.create(root + '/b')
    zk.check_equal(c.seen(), [(CHILDREN, root)], 'events')


@test('check-watches', 'checkWatches sees only its own connection', is_dialect=True)
def check_watches(server, root):
    c, other = Client(server), Client(server)
    c.create(root)
    other.expect(OK, w.GET_DATA, w.path_watch(root, True))
    other.watch_mode('/', 1)
    for kind in (1, 2, 3, 4, 5):
        c.expect(NO_WATCHER, w.CHECK_WATCHES, w.path_type(root, kind))


@test('exists-read', 'exists without READ leaves no watch', is_dialect=True)
def exists_without_read(server, root):
    c, other = Client(server), Client(server)
    c.create(root, acl=[(30, 'world', 'anyone')])
    other.expect(NO_AUTH, w.EXISTS, w.path_watch(root, True))
    other.expect(NO_WATCHER, w.CHECK_WATCHES, w.path_type(root, 3))
    c.expect(OK, w.SET_ACL, w.set_acl(root, w.OPEN))
    c.set(root)
    zk.check_equal(other.seen(), [], 'events')


@test('top-check', 'a top-level check is refused', is_dialect=True)
def top_level_check(server, root):
    c = Client(server)
    zxid = c.zxid()
    c.must_end(w.CHECK, w.path_version('/', 0), UNIMPLEMENTED)
    again = Client(server)
    zk.check_equal(again.zxid(), zxid + 1, 'the zxid after one new session')


IPV6_OK = ['::1', '::1/128', '::/0', 'fe80::1/64', '2001:db8::/32', '1:2:3:4:5:6:7:8']
IPV6_BAD = ['::1/129', ':::', '1:2:3', '1:2:3:4:5:6:7:8:9', 'g::1', '::1/-1', '::1::2', '12345::']


@test('ip-v6', 'IPv6 addresses in ACLs', is_dialect=True)
def ipv6_acls(server, root):
    c = Client(server)
    c.create(root)
    for at, host in enumerate(IPV6_OK):
        path = '%s/n%d' % (root, at)
        acl = [(31, 'ip', host)]
        c.create(path, acl=acl + [(w.ADMIN, 'world', 'anyone')])
        c.expect(NO_AUTH, w.GET_DATA, w.path_watch(path))
        reply = c.expect(OK, w.GET_ACL, w.path_only(path))
        zk.check_equal(reply.value[0][0], (31, b'ip', host.encode()), 'the stored entry')
    for host in IPV6_BAD:
        c.expect(-114, w.SET_ACL, w.set_acl(root, [(31, 'ip', host)]))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


def ipv6_connections(kind):
    """A server on ::1: who the client is, and which entries match it."""
    if not has_ipv6():
        raise zk.Skipped('no ::1 on this machine')
    server = zk.make(kind, conf={'clientPortAddress': '::1'})
    server.host = '::1'
    try:
        server.start()
        c = Client(server)
        zk.check_equal(c.expect(OK, w.WHO_AM_I).value, [(b'ip', b'0:0:0:0:0:0:0:1')], 'whoAmI')
        for host, err in (('::1', OK), ('::1/128', OK), ('::/0', OK), ('::2/126', OK),
                          ('::2', NO_AUTH), ('fe80::/16', NO_AUTH), ('0:0:0:0:0:0:0:1', OK),
                          ('127.0.0.1', NO_AUTH), ('0.0.0.0/0', NO_AUTH)):
            c.create('/n', acl=[(31, 'ip', host)])
            c.expect(err, w.GET_DATA, w.path_watch('/n'))
            c.delete('/n')
    finally:
        server.destroy()


@test('multi-null-path', 'a null path in a multi refuses all of it', is_dialect=True)
def multi_null_path(server, root):
    c = Client(server)
    for bad in ((w.CREATE, w.create(None)), (w.DELETE, w.path_version(None)),
                (w.SET_DATA, w.set_data(None, b'')), (w.CHECK, w.path_version(None))):
        for ops in ([bad], [(w.CREATE, w.create(root)), bad]):
            before = c.zxid()
            reply = c.expect(MARSHALLING, w.MULTI, w.multi(ops))
            zk.check_equal((len(reply.payload), reply.zxid), (16, before + 1), 'length and zxid')
    c.expect(NO_NODE, w.EXISTS, w.path_watch(root))


# -- faults that are not copied

@test('delete-container', 'a client cannot use deleteContainer')
def delete_container(server, root):
    c = Client(server)
    c.create(root)
    c.expect(OK, w.CREATE_CONTAINER, w.create(root + '/c', flags=4))
    for path in (root, root + '/c', root + '/none', '/'):
        for body in (w.ustr(path), path.encode(), b''):
            Client(server).must_end(w.DELETE_CONTAINER, body, UNIMPLEMENTED)
    c.expect(OK, w.EXISTS, w.path_watch(root + '/c'))


@test('create-session', 'a client cannot use createSession')
def create_session(server, root):
    c = Client(server)
    zxid = c.zxid()
    for body in (b'', w.i32(1), w.i32(2 ** 31 - 1)):
        Client(server).must_end(w.CREATE_SESSION, body, UNIMPLEMENTED)
    zk.check_equal(c.zxid(), zxid + 3, 'the zxid after three new sessions')


@test('ttl-flags', 'createTTL without a TTL flag is refused, TTL on', config='extended')
def ttl_flags_on(server, root):
    c = Client(server)
    for flags in range(5):
        for ttl in (-1, -2, -2 ** 63, 0, 1):
            c.expect(BAD_ARGUMENTS, w.CREATE_TTL, w.create_ttl(root, flags=flags, ttl=ttl))
    c.expect(NO_NODE, w.EXISTS, w.path_watch(root))


@test('ttl-flags', 'createTTL without a TTL flag is refused, TTL off')
def ttl_flags_off(server, root):
    ttl_flags_on(server, root)


@test('malformed-zxid', 'an undecodable write takes a zxid')
def malformed_writes(server, root):
    c = Client(server)
    for op in (w.CREATE, w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL, w.DELETE, w.SET_DATA,
               w.SET_ACL, w.MULTI):
        before = c.zxid()
        zk.check_equal(c.expect(MARSHALLING, op, b'').zxid, before + 1, 'zxid of the reply')
        zk.check_equal(c.zxid(), before + 1, w.OP_NAMES[op])


def quota_with_junk(server, root):
    c = Client(server)
    here = '/zookeeper/quota' + root
    c.create(root, b'1')
    c.create(here)
    c.create(here + '/zookeeper_limits', b'count=100,bytes=100')
    c.create(here + '/zookeeper_stats', b'')
    for junk in (b'junk', b'', None, b'count=', b'count=x,bytes=1', b'\xff\xfe', b'count=1',
                 b'count=99999999999999999999,bytes=1', b'=;=,=', b'count=-5,bytes=-7'):
        c.set(here + '/zookeeper_stats', junk)
        c.create(root + '/k', b'22')
        c.set(root + '/k', b'333')
        c.expect(OK, w.MULTI, w.multi([(w.CREATE, w.create(root + '/m', b'x')),
                                       (w.DELETE, w.path_version(root + '/m'))]))
        c.delete(root + '/k')
        c.expect(OK, w.GET_DATA, w.path_watch(here + '/zookeeper_stats'))
    for junk in (b'junk', b'', None, b'count=x', b'\xff'):
        c.set(here + '/zookeeper_limits', junk)
        c.create(root + '/k', b'22')
        c.delete(root + '/k')
    zk.check(c.is_open() and server.is_running(), 'the server is gone')


@test('stats-junk', 'junk in quota nodes harms nobody')
def stats_junk(server, root):
    quota_with_junk(server, root)


@test('stats-junk', 'junk in quota nodes harms nobody, quotas enforced', config='extended')
def stats_junk_enforced(server, root):
    quota_with_junk(server, root)


@test('reattach-password', 'a wrong password leaves the rightful connection alone')
def reattach_with_a_wrong_password(server, root):
    c = Client(server)
    c.create(root, flags=1)
    for password in (bytes(16), b'', c.password[:15] + bytes([c.password[15] ^ 1]), b'x' * 40):
        thief = Client(server, session=c.session, password=password)
        zk.check_equal((thief.session, thief.response.timeout_ms), (0, 0), 'answer to the thief')
        zk.check_equal(thief.take(0, 10), None, 'behind it')
        zk.check(c.is_open(), 'the rightful connection was closed')
    c.expect(OK, w.EXISTS, w.path_watch(root))


@test('setacl-pipelined', 'a setACL counts for the requests behind it in the same burst')
def acl_in_one_burst(server, root):
    c = Client(server)
    c.create(root)
    n = root + '/n'
    steps = [(w.CREATE, w.create(n), OK), (w.CREATE, w.create(n + '/k'), OK),
             (w.SET_ACL, w.set_acl(n, [(w.READ, 'world', 'anyone')]), OK),
             (w.SET_DATA, w.set_data(n, b''), NO_AUTH), (w.CREATE, w.create(n + '/l'), NO_AUTH),
             (w.DELETE, w.path_version(n + '/k'), NO_AUTH), (w.GET_DATA, w.path_watch(n), OK),
             (w.SET_ACL, w.set_acl(n, w.OPEN), NO_AUTH),
             (w.CREATE, w.create(root + '/m', acl=[(w.ADMIN, 'world', 'anyone')]), OK),
             (w.GET_DATA, w.path_watch(root + '/m'), NO_AUTH),
             (w.SET_ACL, w.set_acl(root + '/m', w.OPEN, 0), OK),
             (w.SET_ACL, w.set_acl(root + '/m', w.OPEN, 0), BAD_VERSION),
             (w.SET_DATA, w.set_data(root + '/m', b'x'), OK)]
    for _ in range(5):
        c.wire.send(*[w.frame(i + 1, op, body) for i, (op, body, _) in enumerate(steps)])
        for i, (op, body, err) in enumerate(steps):
            reply = c.take(op)
            zk.check_equal((reply.xid, reply.err), (i + 1, err),
                           'request %d, %s' % (i, w.describe_request(w.frame(i, op, body))))
        owner = Client(server)
        owner.expect(OK, w.AUTH, w.auth('digest', SUPER.encode()))
        owner.delete(n + '/k')
        owner.delete(n)
        owner.delete(root + '/m')
        owner.close_session()


@test('container-flags', 'a container is one from the start, whatever its flags')
def container_flags(server, root):
    c = Client(server)
    c.create(root)
    for flags in (0, 1, 2, 3, 4):
        parent = '%s/f%d' % (root, flags)
        c.create(parent)
        suffix = '0000000000' if flags in (2, 3) else ''
        node = parent + '/c' + suffix
        c.wire.send(w.frame(1, w.CREATE_CONTAINER, w.create(parent + '/c', flags=flags)),
                    w.frame(2, w.CREATE, w.create(node + '/kid')))
        for op in (w.CREATE_CONTAINER, w.CREATE):
            reply = c.take(op)
            zk.check_equal(reply.err, OK, 'flags %d: %s' % (flags, w.OP_NAMES[op]))
    zk.check_equal(c.expect(OK, w.GET_EPHEMERALS, w.path_only('/')).value, [], 'ephemerals')
    c.close_session()
    again = Client(server)
    for flags in range(5):
        again.expect(OK, w.GET_ALL_CHILDREN_NUMBER, w.path_only('%s/f%d' % (root, flags)))
        zk.check_equal(again.call(w.GET_ALL_CHILDREN_NUMBER,
                                  w.path_only('%s/f%d' % (root, flags))).value, 2, 'nodes left')


@test('null-watch-path', 'addWatch with a null path does not hold the connection open')
def null_watch_path(server, root):
    for mode in (0, 1):
        c = Client(server)
        c.call(w.ADD_WATCH, w.path_type(None, mode))
        c.create(root)
        c.delete(root)
        c.expect(OK, w.CLOSE_SESSION)
        zk.check_equal(c.take(0, 10), None, 'behind the closeSession')


@test('close-behind', 'nothing behind a closeSession is done or answered')
def behind_a_close(server, root):
    watcher = Client(server)
    watcher.create(root)
    for _ in range(10):
        c = Client(server)
        before = watcher.zxid()
        late = [w.frame(3 + i, w.CREATE, w.create('%s/late%d' % (root, i))) for i in range(5)]
        c.wire.send(w.frame(1, w.CREATE, w.create(root + '/e', flags=1)),
                    w.frame(2, w.CLOSE_SESSION), *late,
                    w.frame(9, w.GET_DATA, w.path_watch(root)), w.frame(w.PING_XID, w.PING))
        zk.check_equal(c.take(w.CREATE).xid, 1, 'first reply')
        zk.check_equal(c.take(w.CLOSE_SESSION).xid, 2, 'second reply')
        zk.check_equal(c.take(0, 10), None, 'behind the closeSession')
        zk.check_equal(watcher.zxid(), before + 2, 'the zxid')
    children = watcher.expect(OK, w.GET_CHILDREN, w.path_watch(root)).value
    zk.check_equal(children, [], 'children')


@test('ping-xid', 'pings with other xids do not use up the outstanding limit', config='guarded')
def ping_xids(server, root):
    c = Client(server)
    c.expect(OK, w.AUTH, w.auth('digest', b'u:p'))
    for _ in range(20):
        zk.check_equal(c.expect(OK, w.PING, xid=77).xid, w.PING_XID, 'xid of a ping reply')
    for i in range(20):
        c.wire.send(w.frame(100 + i, w.GET_DATA, w.path_watch('/')))
    for i in range(20):
        zk.check_equal(c.take(w.GET_DATA, 10).xid, 100 + i, 'xid')


def rows_are_documented():
    with open(os.path.join(zk.ROOT, 'docs', 'compatibility.md')) as f:
        rows = set(re.findall(r'^\| `([a-z0-9-]+)` \|', f.read(), re.M))
    missing = sorted({row for row, *_ in TESTS} - rows)
    zk.check(not missing, 'no row in docs/compatibility.md for: %s' % ', '.join(missing))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--against', default='rookery', choices=sorted(zk.KINDS))
    parser.add_argument('--only')
    args = parser.parse_args()
    suite = zk.Suite('dialect')
    suite.run('dialect rows are documented', rows_are_documented)
    servers = {}
    for at, (row, title, config, is_dialect, fn) in enumerate(TESTS):
        name = 'dialect %s: %s' % (row, title)
        if args.only and args.only not in name:
            continue
        possible, why = zk.have(args.against)
        if possible and args.against != 'rookery' and not is_dialect:
            possible, why = False, 'harms or differs in %s' % args.against
        if not possible:
            suite.skip(name, why)
            continue
        if config not in servers or not servers[config].is_running():
            servers[config] = zk.make(args.against, **CONFIGS[config])
            if not suite.run('dialect: a server with configuration %s starts' % config,
                             servers[config].start):
                continue
        suite.run(name, fn, servers[config], '/t%d' % at, servers=[servers[config]])
    name = 'dialect ip-v6: connections over ::1'
    if not args.only or args.only in name:
        possible, why = zk.have(args.against)
        if possible:
            suite.run(name, ipv6_connections, args.against)
        else:
            suite.skip(name, why)
    zk.destroy_all()
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
