"""Judges what clients saw against what the servers have in their logs and trees.

    report = check(ens, ops)        raises CheckFailed with the first violations; report.line() tells
                                    what was looked at

The transactions of all the servers' logs together are the order; (session, cxid) says which request
each of them is, also of those that were never answered.  So everything is one pass over it:

  logs    all servers have the same transaction at the same zxid; counters have no holes; epochs rise
  W1      every transaction is what its request had to give on the state before it, success or error;
          its digest is that of the state after it
  D1      what was acknowledged is in the order, with the answer's zxid and result; every zxid that any
          answer showed exists
  W2      a write that was sent after another one was acknowledged has the higher zxid
  W3      writes of a session are in the order in which they were sent, and what got through of one
          connection is a prefix of what was sent on it
  R1 R3   a read shows the tree at its zxid (rookery: exactly; Apache tells only a lower bound, so at
          some zxid from there on), which is not of a write that was not yet sent
  R2      a session never goes back
  Y1      a read after a sync shows everything acknowledged before the sync was sent (between servers
          that promise it; otherwise counted)
  E1      no transaction of a session after its end; its ephemerals end with it
  Q1      sequential names are the parent's counter
  G1      at the end the tree of every server is what the order makes, node by node, field by field
"""

import collections
import os
import time

import zkharness as zk
import zktxn
import zkwire as w
from load import READS, Session

EXACT = ('rookery',)                # kinds whose replies carry the zxid that was read
UNORDERED = (-112, -118)            # expired, moved: may be answered without a place in the order
SHOWN = 12


class Report:
    def __init__(self):
        self.violations, self.warnings = [], []
        self.counts = collections.Counter()

    def bad(self, text):
        self.violations.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def line(self):
        c = self.counts
        text = '%d transactions in %d epochs, %d writes acknowledged, %d lost (%d of them done), ' \
            '%d reads (%d exact), %d after sync' % (
                c['txns'], c['epochs'], c['acked'], c['lost'], c['lost done'], c['reads'], c['exact'],
                c['synced'])
        if c['ghosts']:
            text += ', %d uncommitted left in logs below snapshots' % c['ghosts']
        if self.warnings:
            text += ', %d warnings (%s)' % (len(self.warnings), self.warnings[0])
        return text


def epoch(zxid):
    return zxid >> 32


# ---------------------------------------------------------------------------------------------
# the order

def read_order(ens, report, leaders=None):
    """{zxid: Txn} of what was committed, from all logs.

    A server that was given a snapshot may keep an uncommitted end of an epoch in its log for ever.  Where the epoch ended is what the leader of the next one has.
    """
    logs = {}
    for member in ens:
        try:
            logs[member] = {t.zxid: t for t in zktxn.read_dir(member.data_dir)}
        except zktxn.Damaged as e:
            report.bad('log of %r: %s' % (member, e))
            logs[member] = {}
    union = {}
    for member, log in logs.items():
        for zxid, txn in log.items():
            other = union.setdefault(zxid, (member, txn))
            if other[1]._replace(payload=None) != txn._replace(payload=None):
                report.bad('zxid 0x%x differs: %r has %s, %r has %s' % (
                    zxid, member, show(txn), other[0], show(other[1])))
    order = sorted(union)
    ends = epoch_ends(ens, logs, order, leaders or {})
    committed = {}
    for zxid in order:
        if zxid <= ends.get(epoch(zxid), zxid):
            committed[zxid] = union[zxid][1]
    for member, log in logs.items():
        ghosts = [z for z in log if z not in committed]
        # A start must not find them: only what a newer snapshot covers may stay.
        covered = max((int(os.path.basename(p).split('.')[1], 16) for p in member.snapshots()),
                      default=0)
        for zxid in ghosts:
            if zxid >= covered:
                report.bad('%r has 0x%x in its log, which was never committed' % (member, zxid))
        report.counts['ghosts'] += len(ghosts)
    return committed


def epoch_ends(ens, logs, order, leaders):
    """{epoch: its last committed zxid} where servers disagree about it."""
    epochs = sorted({epoch(z) for z in order})
    ends = {}
    for this, following in zip(epochs, epochs[1:]):
        claims = collections.Counter()
        by = {}
        for member, log in logs.items():
            if any(epoch(z) == following for z in log):
                mine = [z for z in log if epoch(z) == this]
                if mine:
                    claims[max(mine)] += 1
                    by[member.sid] = max(mine)
        if len(claims) > 1:
            leader = leaders.get(following)
            ends[this] = by[leader] if leader in by else max(
                claims, key=lambda z: (claims[z], z))
        elif claims:
            ends[this] = next(iter(claims))
    return ends


def check_order(order, report):
    last = 0
    for zxid in order:
        if epoch(zxid) == epoch(last):
            is_next = zxid == last + 1
        else:
            is_next = epoch(zxid) > epoch(last) and zxid & 0xffffffff == 1
        if not is_next:
            report.bad('a hole in the order: 0x%x follows 0x%x' % (zxid, last))
        last = zxid
    report.counts['txns'] = len(order)
    report.counts['epochs'] = len({epoch(z) for z in order})


def show(txn):
    return 'zxid 0x%x session 0x%x cxid %d type %d %r' % (
        txn.zxid, txn.session & (2 ** 64 - 1), txn.cxid, txn.type, txn.body)


def told(op):
    """The error of an answer; of a multi that of its element."""
    if op.op == w.MULTI and op.err == 0:
        return next((e for _, e, _ in op.value or () if e not in (0, -2)), 0)
    return op.err


# ---------------------------------------------------------------------------------------------
# W1: what a request has to give

class Overlay:
    """The tree with the changes of a multi's elements so far; knows names and versions only."""

    def __init__(self, tree):
        self.tree, self.changed = tree, {}

    def get(self, path):
        """(version, children, creates, is_ephemeral); None if it is not there."""
        if path in self.changed:
            return self.changed[path]
        node = self.tree.nodes.get(path)
        return None if node is None else (node.version, len(node.children), node.creates,
                                          node.owner != 0)

    def expect(self, op):
        """(error, name or version that it gives)."""
        path = op.path.encode()
        if op.op in (w.CREATE, w.CREATE2):
            return self._create(op, path)
        node = self.get(path)
        if node is None:
            return -101, None
        version, children, creates, is_ephemeral = node
        if op.version not in (-1, version):
            return -103, None
        if op.op == w.DELETE:
            if children:
                return -111, None
            self.changed[path] = None
            above = self.get(zktxn.parent_of(path))
            self.changed[zktxn.parent_of(path)] = (above[0], above[1] - 1) + above[2:]
            return 0, None
        if op.op == w.SET_DATA:
            self.changed[path] = (version + 1, children, creates, is_ephemeral)
            return 0, version + 1
        return 0, None

    def _create(self, op, path):
        parent = zktxn.parent_of(path)
        above = self.get(parent)
        if above is None:
            return -101, None
        version, children, creates, is_ephemeral = above
        if op.flags & 2:
            path += b'%010d' % creates
        if self.get(path) is not None:
            return -110, None
        if is_ephemeral:
            return -108, None
        self.changed[path] = (0, 0, 0, bool(op.flags & 1))
        self.changed[parent] = (version, children + 1, creates + 1, is_ephemeral)
        return 0, path


def matches(op, kind, body, given):
    """Is this transaction what the request gives?"""
    if op.op in (w.CREATE, w.CREATE2):
        return (kind in (w.CREATE, w.CREATE2) and body['path'] == given and
                body['data'] == op.data and bool(body['ephemeral']) == bool(op.flags & 1))
    if op.op == w.DELETE:
        return kind == w.DELETE and body['path'] == op.path.encode()
    if op.op == w.SET_DATA:
        return (kind == w.SET_DATA and body['path'] == op.path.encode() and
                body['data'] == op.data and body['version'] == given)
    return kind == w.CHECK and body['path'] == op.path.encode()


def check_result(tree, txn, op, report):
    """W1, Q1: against the state before it."""
    overlay = Overlay(tree)
    if op.op == w.CLOSE_SESSION:
        if txn.type not in (w.CLOSE_SESSION, w.ERROR):
            report.bad('W1: %r became %s' % (op, show(txn)))
        return
    error = zktxn.error_of(txn)
    if error in UNORDERED:
        return
    if op.op != w.MULTI:
        expected, given = overlay.expect(op)
        fits = error == expected if expected or error else matches(op, txn.type, txn.body, given)
        if not fits:
            report.bad('W1: %r had to give %s %s, became %s' % (op, expected, given, show(txn)))
        return
    if txn.type != w.MULTI:
        report.bad('W1: %r became %s' % (op, show(txn)))
        return
    given = []
    for i, sub in enumerate(op.subs):
        expected, value = overlay.expect(sub)
        if expected:
            errors = [s.body.get('err') for s in txn.body['subs']]
            if errors != [0] * i + [expected] + [-2] * (len(op.subs) - i - 1):
                report.bad('W1: %r had to fail with %d at element %d, became %s' % (
                    op, expected, i, show(txn)))
            return
        given.append(value)
    fits = len(txn.body['subs']) == len(op.subs) and all(
        matches(sub, got.type, got.body, value)
        for sub, got, value in zip(op.subs, txn.body['subs'], given))
    if not fits:
        report.bad('W1: %r became %s' % (op, show(txn)))


def check_answer(tree, txn, op, report):
    """D1: what the client was told is what is in the order; the tree is that after it."""
    if op.replied is None:
        return
    if op.zxid != txn.zxid and told(op) not in UNORDERED:
        report.bad('D1: %r has zxid 0x%x in the order' % (op, txn.zxid))
        return
    error = zktxn.error_of(txn)
    if told(op) != error:
        report.bad('D1: %r, in the order with error %d' % (op, error))
        return
    if error:
        return
    stat = None
    if op.op == w.SET_DATA:
        stat = op.value
    elif op.op == w.CREATE2:
        stat = op.value[1]
    if stat is not None:
        path = op.path.encode() if op.op == w.SET_DATA else op.value[0]
        state = tree.at(path, txn.zxid)
        if state is None or tuple(state.stat) != tuple(stat):
            report.bad('D1: %r: the Stat is %r' % (op, state and state.stat))


# ---------------------------------------------------------------------------------------------
# the passes

def replay(order, ops, report):
    """W1, D1, E1, Q1 and digests; returns the tree with all its versions."""
    by_request = {(op.session, op.cxid): op for op in ops if op.is_write}
    tree = zktxn.Tree()
    for zxid in sorted(order):
        txn = order[zxid]
        op = by_request.get((txn.session, txn.cxid)) if txn.type != w.CREATE_SESSION else None
        if txn.session in tree.closed and txn.type not in (w.ERROR, w.CLOSE_SESSION):
            if zktxn.error_of(txn) == 0:
                report.bad('E1: after the end of its session at 0x%x: %s' % (
                    tree.closed[txn.session], show(txn)))
        if op is not None:
            check_result(tree, txn, op, report)
        try:
            tree.apply(txn)
        except (zktxn.Damaged, KeyError) as e:
            report.bad('W1: %s: %r' % (show(txn), e))
            return tree
        if txn.digest is not None and txn.digest % 2 ** 64 != tree.digest:
            report.bad('W1: digest of %s: 0x%x, of the tree 0x%x' % (
                show(txn), txn.digest % 2 ** 64, tree.digest))
        if op is not None:
            check_answer(tree, txn, op, report)
    return tree


def place_of(order):
    """(session, cxid) -> zxid of what was done, or refused for a reason of the tree.

    What came late by a server that the session had left is in the order as refused, and not meant.
    """
    return {(t.session, t.cxid): z for z, t in order.items()
            if t.type != w.CREATE_SESSION and zktxn.error_of(t) not in UNORDERED}


def check_presence(ops, places, order, report):
    """D1: acknowledged is in the order; so is every zxid that anybody saw."""
    last_epoch = max((epoch(z) for z in order), default=0)
    for op in ops:
        if op.replied is not None and op.zxid > 0:
            is_base = op.zxid & 0xffffffff == 0 and epoch(op.zxid) <= last_epoch + 1000
            if op.zxid not in order and not is_base:
                report.bad('D1: a zxid was seen that is not in the order: %r' % op)
        if not op.is_write:
            continue
        is_there = (op.session, op.cxid) in places
        if op.replied is None:
            report.counts['lost'] += 1
            report.counts['lost done'] += is_there
        elif told(op) not in UNORDERED:
            report.counts['acked'] += 1
            if not is_there:
                report.bad('D1: acknowledged, and lost: %r' % op)


def check_real_time(ops, places, report):
    """W2, and R3: nobody reads a write that was not yet sent."""
    events = []
    for op in ops:
        place = places.get((op.session, op.cxid)) if op.is_write else None
        if place is not None:
            events.append((op.called, 1, place, op))
            if op.replied is not None:
                events.append((op.replied, 0, place, op))
    events.sort(key=lambda e: (e[0], e[1]))
    acked, by = 0, None
    for _, is_call, place, op in events:
        if not is_call:
            if place > acked:
                acked, by = place, op
        elif place <= acked:
            report.bad('W2: 0x%x for %r, after %r' % (place, op, by))
    # From the end: the lowest place of what was sent after each moment.
    later = [(op.called, 0, places[(op.session, op.cxid)], op) for op in ops
             if op.is_write and (op.session, op.cxid) in places]
    later += [(op.replied, 1, op.zxid, op) for op in ops
              if op.op in READS and op.replied is not None]
    lowest, by = None, None
    for _, is_read, zxid, op in sorted(later, key=lambda e: (-e[0], -e[1])):
        if not is_read:
            if lowest is None or zxid < lowest:
                lowest, by = zxid, op
        elif lowest is not None and zxid >= lowest:
            report.bad('R3: %r shows 0x%x, which was sent later: %r' % (op, lowest, by))


def check_sessions(ops, places, report):
    """W3, R2 on header zxids."""
    by_session = collections.defaultdict(list)
    for op in ops:
        by_session[op.session].append(op)
    for mine in by_session.values():
        seen, last_write, cut = 0, 0, {}
        for op in sorted(mine, key=lambda o: o.cxid):
            if op.replied is not None and op.zxid > 0 and op.err not in UNORDERED:
                if op.zxid < seen:
                    report.bad('R2: back from 0x%x: %r' % (seen, op))
                seen = max(seen, op.zxid)
            if not op.is_write or told(op) in UNORDERED:
                continue
            place = places.get((op.session, op.cxid))
            if place is None:
                cut.setdefault(op.conn, op)
                continue
            if op.conn in cut:
                report.bad('W3: %r is done, %r before it on the same connection is not' % (
                    op, cut[op.conn]))
            if place < last_write:
                report.bad('W3: 0x%x is before what was sent earlier: %r' % (place, op))
            last_write = max(last_write, place)


def shows(op, state):
    """Is this what the read saw?"""
    if state is None:
        return op.err == -101
    if op.err != 0:
        return False
    if op.op == w.EXISTS:
        return tuple(op.value) == tuple(state.stat)
    if tuple(op.value[1]) != tuple(state.stat):
        return False
    if op.op == w.GET_DATA:
        return (op.value[0] or b'') == (state.data or b'')
    return frozenset(op.value[0]) == state.children


def check_reads(tree, ops, report):
    """R1, R2: rookery's at their zxid, Apache's at the lowest that the session allows."""
    by_session = collections.defaultdict(list)
    for op in ops:
        if op.replied is not None and op.err not in UNORDERED:
            by_session[op.session].append(op)
    for mine in by_session.values():
        floor = 0
        for op in sorted(mine, key=lambda o: o.cxid):
            floor = max(floor, op.zxid)
            if op.op not in READS:
                continue
            report.counts['reads'] += 1
            path = op.path.encode()
            if op.kind in EXACT:
                report.counts['exact'] += 1
                state = tree.at(path, op.zxid)
                if not shows(op, state):
                    report.bad('R1: at 0x%x the node is %r: %r' % (op.zxid, state, op))
                continue
            for begin, end, state in tree.intervals(path):
                if (end is None or end > floor) and shows(op, state):
                    floor = max(floor, begin)
                    break
            else:
                report.bad('R1: at no zxid from 0x%x on was the node so: %r' % (floor, op))


def check_syncs(ops, places, is_strict, report):
    """Y1"""
    acks = sorted((op.replied, places[(op.session, op.cxid)]) for op in ops
                  if op.is_write and op.replied is not None and (op.session, op.cxid) in places)
    i, floor = 0, 0
    for op in sorted((o for o in ops if o.synced is not None), key=lambda o: o.synced):
        report.counts['synced'] += 1
        while i < len(acks) and acks[i][0] < op.synced:
            floor = max(floor, acks[i][1])
            i += 1
        if op.zxid < floor and op.kind in EXACT:
            text = 'Y1: 0x%x was acknowledged before the sync: %r' % (floor, op)
            report.bad(text) if is_strict else report.warn(text)


# ---------------------------------------------------------------------------------------------
# the trees

def dump(member, skip=(b'/zookeeper',)):
    """path -> (data, Stat, children) read over the protocol, after a sync."""
    client = w.Client(member, 30000)
    try:
        reply = client.call(w.SYNC, w.path_only('/'))
        if reply is None or reply.err != 0:
            raise zk.CheckFailed('%r: sync: %r' % (member, reply and reply.err))
        nodes, frontier = {}, [b'/']
        while frontier:
            for path in frontier:
                client.post(w.GET_DATA, w.path_watch(path))
                client.post(w.GET_CHILDREN, w.path_watch(path))
            following = []
            for path in frontier:
                data, children = client.take(w.GET_DATA), client.take(w.GET_CHILDREN)
                for reply in (data, children):
                    if reply is None or reply.err != 0:
                        raise zk.CheckFailed('%r: reading %r: %r' % (member, path,
                                                                    reply and reply.err))
                nodes[path] = (data.value[0] or b'', tuple(data.value[1]),
                               frozenset(children.value))
                base = b'' if path == b'/' else path
                following += [base + b'/' + name for name in children.value]
            frontier = [p for p in following if p not in skip]
        client.close_session()
        return nodes
    finally:
        client.close()


def check_trees(ens, tree, report):
    """G1; the tree is that of the whole order."""
    expected = {p: (n.data or b'', tuple(n.stat()), frozenset(n.children))
                for p, n in tree.nodes.items() if p != b'/zookeeper'}
    for member in ens:
        try:
            seen = dump(member)
        except (OSError, w.Timeout, w.Short, ConnectionError, zk.CheckFailed) as e:
            report.bad('G1: %r cannot be read: %r' % (member, e))
            continue
        for path in sorted(set(seen) | set(expected)):
            if seen.get(path) != expected.get(path):
                report.bad('G1: %r has %r at %r, the order makes %r' % (
                    member, seen.get(path), path, expected.get(path)))
                break
        report.counts['trees'] += 1
        wrong = member.mntr().get('zk_digest_mismatches_count', '0')
        if float(wrong) != 0:
            # Apache does after some syncs with snapshots, while its tree is right.
            tell = report.bad if member.kind in EXACT else report.warn
            tell('G1: %r counts %s digests that are not those of the leader' % (member, wrong))


def settle(ens, timeout_s=30):
    """A last write, and every server has come as far."""
    ens.wait_serving(list(ens), timeout_s)
    session = None
    deadline = time.monotonic() + timeout_s
    while session is None:
        try:
            session = Session('last', []).attach(ens.wait_leader(timeout_s))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    session.close()
    goal = session.last_zxid
    ens.wait('all servers come to 0x%x' % goal,
             lambda: all((m.zxid() or 0) >= goal for m in ens), timeout_s)


def judge(order, ops, report, zombies=(), strict_sync=True):
    """Everything that needs no server.  order: {zxid: Txn}.  Returns the tree."""
    check_order(sorted(order), report)
    tree = replay(order, ops, report)
    places = place_of(order)
    check_presence(ops, places, order, report)
    check_real_time(ops, places, report)
    check_sessions(ops, places, report)
    check_reads(tree, ops, report)
    check_syncs(ops, places, strict_sync, report)
    for zombie in zombies:
        if zombie not in tree.closed:
            report.bad('E1: nobody keeps session 0x%x alive, and it is there still' % zombie)
    for session, paths in tree.owned.items():
        if paths and session not in tree.sessions:
            report.bad('E1: %r of session 0x%x, which is gone' % (paths, session))
    return tree


def check(ens, ops, zombies=(), strict_sync=None):
    """All of it, on an ensemble of which every member serves again.  Returns the Report."""
    report = Report()
    settle(ens)
    leaders = ens.net.leaders() if ens.net is not None else {}
    order = read_order(ens, report, leaders)
    if strict_sync is None:
        strict_sync = all(m.kind in EXACT for m in ens)
    check_trees(ens, judge(order, ops, report, zombies, strict_sync), report)
    if report.violations:
        shown = report.violations[:SHOWN]
        raise zk.CheckFailed('%d violations; %s\n%s' % (
            len(report.violations), report.line(), '\n'.join(shown)))
    return report
