#!/usr/bin/python3
"""The judge of histories is judged: it accepts what happened, and notices every kind of lie.

A history is made by a server of thirty lines that is right by construction; then one thing in it is
changed, and the judge must say so by the name of the rule that was broken.
"""

import copy
import os
import random
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history                              # noqa: E402
import zkharness as zk                      # noqa: E402
import zktxn                                # noqa: E402
import zkwire as w                          # noqa: E402
from load import READS, ROOT, Client, Op    # noqa: E402


class World:
    """Answers the requests of three sessions, one after the other; two epochs."""

    def __init__(self, seed=1, count=400, kind='rookery'):
        self.order, self.ops = {}, []
        self.tree = zktxn.Tree()
        self.zxid, self.now, self.kind = 1 << 32, 100.0, kind
        self.rng = random.Random(seed)
        load = types.SimpleNamespace(seed=seed, keys=4, depth=1, reads=0.5)
        self.clients = [Client(load, i) for i in range(3)]
        self.cxids = [0, 0, 0]
        for i in range(3):
            self.log(self.session(i), 0, w.CREATE_SESSION, {'timeout': 10000})
        for path in (ROOT, ROOT + '/s', ROOT + '/e'):
            self.ask(0, Op(w.CREATE, path))
        for i in range(count):
            if i == count // 2:
                self.zxid = 2 << 32
            n = self.rng.randrange(3)
            client = self.clients[n]
            if self.rng.random() < 0.1:
                sync = self.ask(n, Op(w.SYNC, ROOT))
                self.ask(n, client.read(), synced=sync.called)
            else:
                self.ask(n, client.read() if self.rng.random() < 0.5 else client.write())
        self.ask(2, Op(w.CREATE, ROOT + '/e/last', b'x', flags=w.EPHEMERAL))
        self.ask(2, Op(w.CLOSE_SESSION))

    @staticmethod
    def session(n):
        return 0x100 + n

    def log(self, session, cxid, kind, body):
        self.zxid += 1
        txn = zktxn.Txn(self.zxid, session, cxid, 1000 + self.zxid, kind, body, None, None)
        self.tree.apply(txn)
        self.order[self.zxid] = txn._replace(digest=self.tree.digest)
        return txn

    def ask(self, n, op, synced=None):
        self.cxids[n] += 1
        op.client, op.session, op.cxid, op.conn = n, self.session(n), self.cxids[n], 1
        op.sid, op.kind, op.called, op.replied = 1, self.kind, self.now, self.now + 0.5
        op.synced = synced
        self.now += 1.0
        op.err, op.value = 0, None
        if op.op == w.CLOSE_SESSION:
            self.log(op.session, op.cxid, w.CLOSE_SESSION,
                     {'paths': sorted(self.tree.owned[op.session])})
        elif op.op == w.MULTI:
            self.multi(op)
        elif op.is_write:
            op.err, given = history.Overlay(self.tree).expect(op)
            kind, body = (w.ERROR, {'err': op.err}) if op.err else self.body(op, given, 0)
            self.log(op.session, op.cxid, kind, body)
            if op.err == 0 and op.op == w.SET_DATA:
                op.value = self.tree.at(op.path.encode(), self.zxid).stat
            elif op.err == 0 and op.op == w.CREATE2:
                op.value = (given, self.tree.at(given, self.zxid).stat)
        elif op.op in READS:
            self.read(op, self.zxid)
        op.zxid = self.zxid
        self.ops.append(op)
        return op

    def read(self, op, zxid):
        state = self.tree.at(op.path.encode(), zxid)
        op.err = 0 if state else -101
        if state:
            op.value = {w.EXISTS: state.stat, w.GET_DATA: (state.data, state.stat),
                        w.GET_CHILDREN2: (list(state.children), state.stat)}[op.op]
        op.zxid = zxid

    def body(self, op, given, more):
        """more: children that the same multi made before."""
        path = op.path.encode()
        if op.op in (w.CREATE, w.CREATE2):
            above = self.tree.nodes[zktxn.parent_of(given)]
            return w.CREATE, {'path': given, 'data': op.data, 'acl': [], 'ephemeral': op.flags & 1,
                              'parent_cversion': above.creates + more + 1}
        if op.op == w.DELETE:
            return w.DELETE, {'path': path}
        if op.op == w.SET_DATA:
            return w.SET_DATA, {'path': path, 'data': op.data, 'version': given}
        return w.CHECK, {'path': path, 'version': op.version}

    def multi(self, op):
        overlay, subs, failed = history.Overlay(self.tree), [], 0
        for sub in op.subs:
            error, given = (-2, None) if failed else overlay.expect(sub)
            failed = failed or error
            subs.append(zktxn.Sub(w.ERROR, {'err': error}) if failed
                        else zktxn.Sub(*self.body(sub, given, 0)))
        if failed:
            at = next(i for i, s in enumerate(subs) if s.type == w.ERROR)
            subs[:at] = [zktxn.Sub(w.ERROR, {'err': 0})] * at
            op.value = [(w.ERROR, s.body['err'], s.body['err']) for s in subs]
        self.log(op.session, op.cxid, w.MULTI, {'subs': subs})


def judged(world, strict_sync=True):
    report = history.Report()
    history.judge(world.order, world.ops, report, (), strict_sync)
    return report.violations


def right(kind='rookery'):
    """The same history each time: a right one."""
    return World(kind=kind)


def expect(world, rule, **more):
    found = judged(world, **more)
    zk.check(any(v.startswith(rule) for v in found),
             'expected a violation of %s, saw %s' % (rule, found[:3] or 'none'))


def pick(world, which, skip=10):
    """One operation of the middle that fits."""
    fitting = [op for op in world.ops[skip:] if which(op)]
    zk.check(fitting, 'the history holds nothing of the kind')
    return fitting[len(fitting) // 2]


def done(op):
    return op.is_write and op.err == 0


def is_set(op):
    return op.op == w.SET_DATA and op.err == 0


def is_get(op):
    return op.op == w.GET_DATA and op.err == 0


def accepts(kind):
    zk.check_equal(judged(right(kind)), [], 'violations of a right history')


def accepts_lost_writes():
    """Neither answered, one of them done."""
    world = right()
    op = pick(world, is_set)
    op.replied = op.err = op.zxid = op.value = None
    gone = Op(w.SET_DATA, ROOT + '/k0', b'never')
    gone.client, gone.session, gone.cxid, gone.conn = 0, world.session(0), 9999, 2
    gone.sid, gone.kind, gone.called = 1, 'rookery', world.now
    world.ops.append(gone)
    zk.check_equal(judged(world), [], 'violations')


def loses_acknowledged_write():
    """The end of the order is missing, as after a failover that lost it."""
    world = right()
    last = max(op.zxid for op in world.ops if done(op) and op.op != w.CLOSE_SESSION)
    for zxid in [z for z in world.order if z >= last]:
        del world.order[zxid]
    expect(world, 'D1')


def has_hole():
    world = right()
    del world.order[sorted(world.order)[50]]
    expect(world, 'a hole in the order')


def changes_result():
    world = right()
    pick(world, done).err = -101
    expect(world, 'D1')


def changes_answer_zxid():
    world = right()
    op = pick(world, is_set)
    op.zxid -= 1
    expect(world, 'D1')


def changes_stat():
    world = right()
    op = pick(world, is_set)
    op.value = w.Stat(*op.value[:4], op.value.version + 1, *op.value[5:])
    expect(world, 'D1')


def commits_something_else():
    world = right()
    op = pick(world, is_set)
    txn = world.order[op.zxid]
    world.order[op.zxid] = txn._replace(body=dict(txn.body, data=b'else'))
    expect(world, 'W1')


def commits_in_spite_of_version():
    world = right()
    op = pick(world, lambda o: o.op == w.SET_DATA and o.err == -103)
    world.order[op.zxid] = world.order[op.zxid]._replace(
        type=w.SET_DATA, body={'path': op.path.encode(), 'data': op.data, 'version': 77})
    expect(world, 'W1')


def digest_is_wrong():
    world = right()
    zxid = sorted(world.order)[60]
    world.order[zxid] = world.order[zxid]._replace(digest=1)
    expect(world, 'W1: digest')


def sequential_name_repeats():
    world = right()
    txns = [t for t in world.order.values() if t.type == w.CREATE and b'/s/x-' in t.body['path']]
    first, again = txns[0], txns[-1]
    world.order[again.zxid] = again._replace(body=dict(again.body, path=first.body['path']))
    expect(world, 'W1')


def order_against_time():
    """A write that was answered before the other was sent has the higher zxid."""
    world = right()
    early = pick(world, done)
    late = next(op for op in world.ops if done(op) and op.called > early.replied and
                op.session != early.session)
    early.called, late.called = late.called, early.called
    early.replied, late.replied = late.replied, early.replied
    expect(world, 'W2')


def order_against_session():
    world = right()
    mine = [op for op in world.ops if done(op) and op.session == world.session(1)]
    a, b = mine[5], mine[6]
    a.cxid, b.cxid = b.cxid, a.cxid
    for op in (a, b):
        world.order[op.zxid] = world.order[op.zxid]._replace(cxid=op.cxid)
    a.called = b.called
    expect(world, 'W3')


def gap_in_connection():
    """Sent first, lost; sent later on the same connection, done."""
    world = right()
    op = pick(world, is_set)
    lost = copy.copy(op)
    lost.cxid = 100000
    lost.replied = lost.err = lost.zxid = lost.value = None
    later = [o for o in world.ops if o.session == op.session and o.cxid > op.cxid and o.is_write][0]
    lost.cxid = op.cxid + 0.5       # between two
    zk.check(later.cxid > lost.cxid, 'order')
    world.ops.append(lost)
    expect(world, 'W3')


def reads_wrong_data():
    world = right()
    op = pick(world, is_get)
    op.value = (b'never written', op.value[1])
    expect(world, 'R1')


def reads_wrong_data_apache():
    world = right('apache')
    op = pick(world, is_get)
    op.value = (b'never written', op.value[1])
    expect(world, 'R1')


def reads_older_than_header():
    """Rookery says at which zxid it read; one less and the node was another."""
    world = right()
    for op in world.ops:
        if is_get(op):
            state = world.tree.at(op.path.encode(), op.value[1].mzxid - 1)
            if state is not None:
                op.value = (state.data, state.stat)
                expect(world, 'R1')
                return
    zk.check(False, 'no read to change')


def goes_back(kind):
    """A session reads something older than what it has seen."""
    world = right(kind)
    op = pick(world, is_get, 100)
    world.read(op, world.order and sorted(world.order)[20])
    expect(world, 'R2')


def goes_back_hidden():
    """Apache's header is only a lower bound: the data itself must not be older than the session."""
    world = right('apache')
    for op in world.ops[50:]:
        if is_get(op) and op.value[1].version > 0:
            before = world.tree.at(op.path.encode(), op.value[1].mzxid - 1)
            if before is not None:
                op.value = (before.data, before.stat)
                expect(world, 'R1')
                return
    zk.check(False, 'no read to change')


def reads_the_future():
    world = right()
    op = pick(world, lambda o: is_get(o) and o.synced is None)
    later = [o for o in world.ops if is_set(o) and o.called > op.replied][3]
    world.read(op, later.zxid)
    expect(world, 'R3')


def stale_after_sync(is_strict):
    """A session of its own reads an old state after a sync: only Y1 can tell."""
    world = right()
    op = Op(w.GET_DATA, ROOT + '/k0')
    op.client, op.session, op.cxid, op.conn = 9, 0x999, 2, 1
    op.sid, op.kind, op.called, op.replied = 1, 'rookery', world.now, world.now + 0.5
    op.synced = world.now
    world.read(op, sorted(world.order)[100])
    world.ops.append(op)
    if is_strict:
        expect(world, 'Y1')
    else:
        zk.check_equal(judged(world, False), [], 'violations when only warned')


def acts_after_its_end():
    world = right()
    world.log(world.session(2), 5000, w.SET_DATA, {'path': ROOT.encode(), 'data': b'x', 'version': 1})
    expect(world, 'E1')


def zxid_of_nowhere():
    """Somebody saw a zxid that then did not survive."""
    world = right()
    op = pick(world, lambda o: o.op in READS)
    op.zxid = (1 << 32) + 100000
    expect(world, 'D1')


def main():
    suite = zk.Suite('the judge of histories')
    for name, fn, *more in (
            ('a right history, exact', accepts, 'rookery'),
            ('a right history, Apache\'s bounds', accepts, 'apache'),
            ('writes without an answer', accepts_lost_writes),
            ('an acknowledged write is lost', loses_acknowledged_write),
            ('a hole in the order', has_hole),
            ('another result than was told', changes_result),
            ('another zxid than was told', changes_answer_zxid),
            ('another Stat than was told', changes_stat),
            ('another transaction than was asked for', commits_something_else),
            ('a transaction that had to fail', commits_in_spite_of_version),
            ('a wrong digest', digest_is_wrong),
            ('a sequential name twice', sequential_name_repeats),
            ('order against real time', order_against_time),
            ('order against the session', order_against_session),
            ('a gap within a connection', gap_in_connection),
            ('data that never was', reads_wrong_data),
            ('data that never was, Apache', reads_wrong_data_apache),
            ('older than the header says', reads_older_than_header),
            ('a session goes back', goes_back, 'rookery'),
            ('a session goes back, Apache', goes_back, 'apache'),
            ('a session goes back behind the header, Apache', goes_back_hidden),
            ('a read of the future', reads_the_future),
            ('stale after sync', stale_after_sync, True),
            ('stale after sync, only warned', stale_after_sync, False),
            ('a session acts after its end', acts_after_its_end),
            ('a zxid that did not survive', zxid_of_nowhere)):
        suite.run(name, fn, *more)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
