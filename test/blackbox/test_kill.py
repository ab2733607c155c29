#!/usr/bin/python3
"""Disk both ways with Apache, under kill -9 during load.

One data directory is served in turn by Rookery and by Apache 3.8.0, each killed with SIGKILL in the
middle of pipelined writes.  After every kill the directory is copied, the other kind is started on
the copy and the same or yet another on the original, and

  * every write that was acknowledged is there, as a prefix of what its writer sent, and nothing that
    was not sent;
  * every node, its data, ACL, every field of its Stat and every ephemeral is equal in both;
  * sessions are alive in both: their owners can reattach.

    test_kill.py [--kills N] [--seed S]
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk      # noqa: E402
import zkwire as w          # noqa: E402

WRITERS = 4
NODES_PER_WRITER = 12
BURST = 24

# Small numbers so that many files, rolls and snapshots lie on the way of every kill.
CONF = {'snapCount': 150, 'preAllocSize': 64, 'tickTime': 2000, 'maxSessionTimeout': 120000}
# And small files: thousands of them are copied after every kill.
PROPS = {'rookery.log.reserveBytes': '65536'}


class Writer:
    """Owns one subtree; remembers all it sent, in order, and how much of it was acknowledged."""

    def __init__(self, number, seed):
        self.root = '/w%d' % number
        self.rng = random.Random(seed * 100 + number)
        self.counter = 0
        self.settled = {}       # path -> (data, version): what is known to be on disk
        self.sent = []          # operations since then, in order: (kind, [(path, data), ...])
        self.acked = 0
        self.stats = {}         # path -> Stat of the last acknowledged write to it
        self.failure = None

    def next_op(self):
        """A request and what it does to the model if it succeeds; never fails by construction."""
        self.counter += 1
        state = self.model(len(self.sent))
        names = ['%s/n%d' % (self.root, i) for i in range(NODES_PER_WRITER)]
        path = self.rng.choice(names)
        data = b'%d-%s' % (self.counter, b'x' * self.rng.randrange(200))
        roll = self.rng.random()
        if self.root not in state:
            return ('create', [(self.root, b'')])
        if path not in state:
            return ('create', [(path, data)])
        if roll < 0.15:
            return ('delete', [(path, None)])
        if roll < 0.35:
            other = self.rng.choice(names)
            if other in state and other != path:
                return ('multi', [(path, data), (other, data + b'm')])
        return ('set', [(path, data)])

    @staticmethod
    def apply(state, op):
        kind, changes = op
        for path, data in changes:
            if kind == 'create':
                state[path] = (data, 0)
            elif kind == 'delete':
                del state[path]
            else:
                state[path] = (data, state[path][1] + 1)

    def model(self, count):
        """The subtree after the first `count` of the sent operations (all of them: cached)."""
        if count == len(self.sent) and getattr(self, '_cache_len', -1) == count:
            return self._cache
        state = dict(self.settled)
        for op in self.sent[:count]:
            self.apply(state, op)
        return state

    def push(self, op):
        state = self.model(len(self.sent))
        state = dict(state)
        self.apply(state, op)
        self.sent.append(op)
        self._cache, self._cache_len = state, len(self.sent)

    @staticmethod
    def request(op):
        kind, changes = op
        if kind == 'create':
            return w.CREATE2, w.create(changes[0][0], changes[0][1])
        if kind == 'delete':
            return w.DELETE, w.path_version(changes[0][0])
        if kind == 'set':
            return w.SET_DATA, w.set_data(changes[0][0], changes[0][1])
        return w.MULTI, w.multi([(w.SET_DATA, w.set_data(p, d)) for p, d in changes])

    def run(self, client, stop):
        """Pipelined bursts until the server dies or `stop` is set."""
        try:
            xid = 0
            while not stop.is_set():
                ops, frames = [], []
                for _ in range(BURST):
                    op = self.next_op()
                    code, body = self.request(op)
                    self.push(op)
                    xid += 1
                    frames.append(w.frame(xid, code, body))
                    ops.append((code, op))
                if not client.wire.send(*frames):
                    return
                for code, op in ops:
                    reply = client.take(code, 20)
                    if reply is None:
                        return
                    if reply.err != 0:
                        self.failure = '%r answered %s' % (op, reply.err)
                        return
                    self.acked += 1
                    if code in (w.SET_DATA, w.CREATE2):
                        stat = reply.value if code == w.SET_DATA else reply.value[1]
                        self.stats[op[1][0][0]] = stat
                    else:
                        for path, _data in op[1]:
                            self.stats.pop(path, None)
        except (OSError, w.Short) as e:
            self.failure = None if stop.is_set() else 'connection: %r' % e

    def settle(self, dump):
        """Which prefix of the sent operations is this?  Raises if it is none that holds the acked."""
        mine = {p: (n.data, n.stat.version) for p, n in dump.items()
                if p == self.root or p.startswith(self.root + '/')}
        state = self.model(self.acked)
        state = dict(state)
        for count in range(self.acked, len(self.sent) + 1):
            if state == mine:
                for path, stat in self.stats.items():
                    if count == self.acked and path in dump and path != self.root:
                        zk.check_equal(tuple(dump[path].stat), tuple(stat), 'Stat of ' + path)
                self.settled, self.sent, self.acked, self.stats = mine, [], 0, {}
                self._cache_len = -1
                return count
            if count < len(self.sent):
                self.apply(state, self.sent[count])
        missing = {p: v for p, v in self.model(self.acked).items() if mine.get(p) != v}
        raise zk.CheckFailed('%s: no prefix of %d..%d sent operations gives what is there; differs '
                             'from the acknowledged state at %s' %
                             (self.root, self.acked, len(self.sent), list(missing)[:5]))


class Node:
    def __init__(self, data, stat, acl):
        self.data, self.stat, self.acl = data, stat, acl

    def key(self):
        return (self.data, tuple(self.stat), tuple(self.acl))


def dump_tree(server, skip=()):
    """Every node below / as path -> Node, read through the protocol."""
    client = w.Client(server, 30000)
    nodes = {}
    frontier = ['/']
    try:
        while frontier:
            for path in frontier:
                client.post(w.GET_DATA, w.path_watch(path))
                client.post(w.GET_ACL, w.path_only(path))
                client.post(w.GET_CHILDREN, w.path_watch(path))
            following = []
            for path in frontier:
                data = client.take(w.GET_DATA)
                acl = client.take(w.GET_ACL)
                children = client.take(w.GET_CHILDREN)
                for reply in (data, acl, children):
                    zk.check(reply is not None and reply.err == 0, 'reading %s: %r' % (path, reply))
                nodes[path] = Node(data.value[0], data.value[1], acl.value[0])
                base = '' if path == '/' else path
                following += [base + '/' + name.decode() for name in children.value]
            frontier = [p for p in following if p not in skip]
    finally:
        client.close_session()
    return nodes


def compare(a, b, name_a, name_b):
    zk.check_equal(sorted(a), sorted(b), 'paths in %s and %s' % (name_a, name_b))
    for path in a:
        zk.check(a[path].key() == b[path].key(), '%s differs: %s has %r, %s has %r' %
                 (path, name_a, a[path].key(), name_b, b[path].key()))


def other(kind):
    return 'apache' if kind == 'rookery' else 'rookery'


def forgive_empty_log(data_dir):
    """Apache 3.8 does not start from its own files if it was killed between creating a log and writing the
    16 bytes of its header (3.9.3 deletes such a file). Rookery has to cope with it, on the copy."""
    folder = os.path.join(data_dir, 'version-2')
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith('log.') and os.path.getsize(path) < 16:
            print('# Apache left %s without a header: removed for it' % name)
            os.remove(path)


class Run:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed = seed
        self.base = None
        self.writers = [Writer(i, seed) for i in range(WRITERS)]
        self.extra = {}          # session -> (password, ephemerals it must own)
        self.acked_total = 0
        self.lost_tail_total = 0

    def server(self, kind, data_dir):
        conf = dict(CONF)
        method = self.rng.choice(['', '', 'gz', 'snappy'])
        props = dict(PROPS, **({'zookeeper.snapshot.compression.method': method} if method else {}))
        return zk.make(kind, conf=conf, props=props, data_dir=data_dir)

    def load(self, server):
        stop = threading.Event()
        clients = [w.Client(server, 60000) for _ in self.writers]
        owner = w.Client(server, 60000)
        path = '/e%016x' % (owner.session & (2 ** 64 - 1))
        reply = owner.call(w.CREATE, w.create(path, b'eph', flags=w.EPHEMERAL))
        zk.check_equal(reply.err, 0, 'creating ' + path)
        self.extra[owner.session] = (owner.password, path)
        threads = [threading.Thread(target=writer.run, args=(c, stop))
                   for writer, c in zip(self.writers, clients)]
        for t in threads:
            t.start()
        time.sleep(self.rng.uniform(0.05, 0.5))
        server.kill()
        stop.set()
        for t in threads:
            t.join(30)
        for c in clients + [owner]:
            c.close()
        for writer in self.writers:
            zk.check(writer.failure is None, '%s: %s' % (writer.root, writer.failure))
            self.acked_total += writer.acked

    def check_sessions(self, server, dump):
        """The owners of ephemerals reattach; some of them close, so that their nodes go."""
        for session, (password, path) in list(self.extra.items()):
            zk.check(path in dump, '%s of session 0x%x is gone' % (path, session))
            client = w.Client(server, 60000, session=session, password=password)
            zk.check_equal(client.session, session, 'reattaching session 0x%x' % session)
            if self.rng.random() < 0.7:
                client.close_session()
                del self.extra[session]
            else:
                client.close()

    def round(self, kind):
        """Start `kind` on the directory, load, kill, look at what is there with both kinds."""
        server = self.server(kind, self.base)
        try:
            server.start()
            self.load(server)
        finally:
            server.destroy()
        copy = self.base + '.copy'
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.base, copy)
        dumps = {}
        for where, look in ((copy, other(kind)), (self.base, kind)):
            if look == kind == 'apache':
                forgive_empty_log(where)
            looker = self.server(look, where)
            try:
                looker.start()
                dumps[look] = dump_tree(looker)
                if where == self.base:
                    self.check_sessions(looker, dumps[look])
                looker.kill()
            finally:
                looker.destroy()
        shutil.rmtree(copy, ignore_errors=True)
        compare(dumps['apache'], dumps['rookery'], 'apache', 'rookery')
        for writer in self.writers:
            sent, acked = len(writer.sent), writer.acked
            count = writer.settle(dumps[kind])
            self.lost_tail_total += sent - count
            zk.check(count >= acked, 'fewer than acknowledged')


def main():
    args = argparse.ArgumentParser()
    args.add_argument('--kills', type=int, default=50)
    args.add_argument('--seed', type=int, default=1)
    args = args.parse_args()
    suite = zk.Suite('kill -9 with Apache on the same directory')
    for kind in ('apache', 'rookery'):
        can, why = zk.have(kind)
        if not can:
            suite.skip('kills', why)
            return suite.finish()
    top = tempfile.mkdtemp(prefix='rookery-test-kill-')
    run = Run(args.seed)
    run.base = os.path.join(top, 'data')
    os.makedirs(run.base)
    try:
        for i in range(args.kills):
            kind = run.rng.choice(['rookery', 'apache', 'rookery'])
            if not suite.run('kill %d: %s, seed %d' % (i + 1, kind, args.seed), run.round, kind):
                break       # the writers' models no longer match: what follows would say nothing
        suite.say('# %d writes acknowledged, %d sent and never on disk' %
                  (run.acked_total, run.lost_tail_total))
    finally:
        if not os.environ.get('ROOKERY_TEST_KEEP'):
            shutil.rmtree(top, ignore_errors=True)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
