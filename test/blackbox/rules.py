"""The differences from Apache ZooKeeper 3.8.0 that are kept, as rules.

Each rule names a row of docs/compatibility.md and excuses exactly one shape of difference; what
it excuses it also checks, so that the server cannot answer anything it likes there.  A rule gets
a Context (see twin.py) and returns True or False.  Rules are never applied when both servers are
of the same kind.
"""

import itertools

import zkwire as w


class Rule:
    def __init__(self, row, fn):
        self.row, self.name, self.excuses = row, fn.__name__, fn


RULES = []


def rule(row):
    def add(fn):
        RULES.append(Rule(row, fn))
        return fn
    return add


WRITES = {w.CREATE, w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL, w.DELETE, w.SET_DATA, w.SET_ACL,
          w.MULTI, w.CLOSE_SESSION}


@rule('event-zxid')
def event_carries_the_zxid_of_its_transaction(c):
    """A: header zxid -1.  B: that of the transaction, everything else equal.

    On the connection that wrote, it must be the zxid of the reply that follows.  On others, it
    must be one that a reply of this step carried, and the events must come in that order.
    """
    if c.req is not None or c.a[4:12] != b'\xff' * 8 or c.a[:4] + c.a[12:] != c.b[:4] + c.b[12:]:
        return False
    zxid = w.decode_reply(w.NOTIFICATION, c.b).zxid
    if zxid not in c.pair.step_zxids:
        return False
    stream = c.step.pairs[1]
    for req, payload in stream[c.step.at + 1:]:
        if len(payload) < 16 or req is not None and not hasattr(req, 'op'):
            continue
        if req is None:
            if not c.step.is_unordered and w.decode_reply(w.NOTIFICATION, payload).zxid < zxid:
                return False
        elif req.op in WRITES:
            return w.decode_reply(req.op, payload).zxid == zxid
        elif req.op != w.PING:
            return False        # on the connection that wrote, a write's reply follows
    return True


def _multi_ops(c):
    if c.req is None or c.req.op != w.MULTI:
        return None
    try:
        return w.decode_multi_request(c.req.payload)
    except (w.Short, KeyError):
        return None


@rule('multi-create2')
def create2_in_a_multi_answers_its_stat(c):
    """A: type 1 with the path.  B: type 15 with the path and the Stat of the new node."""
    ops = _multi_ops(c)
    if not ops or c.a[:16] != c.b[:16]:
        return False
    a, b = (w.decode_reply(w.MULTI, m) for m in (c.masked_a, c.masked_b))
    if a.problem or b.problem or a.rest or b.rest or a.err or not a.value:
        return False
    if not len(a.value) == len(b.value) == len(ops):
        return False
    for (op, fields), seen_a, seen_b in zip(ops, a.value, b.value):
        if op in (w.CREATE2, w.CREATE_CONTAINER) and seen_a[:2] == (w.CREATE, 0):
            kind, err, (path, stat) = seen_b
            if (kind, err, path) != (w.CREATE2, 0, seen_a[2]):
                return False
            # ctime, mtime and owner are masked; the node is as the whole multi leaves it only
            # for fields that later ops of the multi do not touch.
            owner = c.pair.sides[1].mask_session(c.twin.sessions[1]) if fields['flags'] & 1 else 0
            expected = (a.zxid, a.zxid, 1, 1, 0, 0, 0, owner, len(fields['data'] or b''), 0, a.zxid)
            if tuple(stat) != expected:
                return False
        elif seen_a != seen_b:
            return False
    return True


@rule('exists-read')
def exists_needs_read(c):
    """A: the Stat.  B: -102, as a getData of the path behind it in the same burst gets on both."""
    if c.req is None or c.req.op != w.EXISTS or c.a[:12] != c.b[:12]:
        return False
    if c.a[12:16] != bytes(4) or c.b[12:] != w.i32(-102):
        return False
    path = w.decode_request(c.req.payload)[2]['path']
    for (req, a), (_, b) in list(zip(*c.step.pairs))[c.step.at + 1:]:
        if req is not None and getattr(req, 'op', None) == w.GET_DATA:
            return (w.decode_request(req.payload)[2]['path'] == path
                    and a[12:] == b[12:] == w.i32(-102))
    return False


@rule('check-watches')
def check_watches_sees_only_its_own(c):
    """A: 0, because another connection has a watch there.  B: -121."""
    if c.req is None or c.req.op != w.CHECK_WATCHES or c.a[:12] != c.b[:12]:
        return False
    if c.a[12:] != bytes(4) or c.b[12:] != w.i32(-121):
        return False
    path = w.decode_request(c.req.payload)[2]['path']
    return any(path in t.watched for t in c.pair.twins if t is not c.twin and not t.is_closed)


@rule('acl-auth-order')
def auth_expands_in_the_order_of_addauth(c):
    """An `auth` entry becomes one entry for each digest id.  A: in hash order.  B: in order.

    The lists are the same but for the order of neighbouring digest entries of equal perms."""
    if c.req is None or c.req.op != w.GET_ACL:
        return False
    a, b = (w.decode_reply(w.GET_ACL, m) for m in (c.masked_a, c.masked_b))
    if a.problem or b.problem or a.value is None or b.value is None or c.a[:16] != c.b[:16]:
        return False

    def runs_sorted(acl):
        runs = [list(run) for _, run in itertools.groupby(acl, lambda e: (e[0], e[1]))]
        return [sorted(run) if run[0][1] == b'digest' else run for run in runs]
    return (a.value[1] == b.value[1] and a.rest == b.rest == b''
            and runs_sorted(a.value[0]) == runs_sorted(b.value[0]))


def _is_odd(text):
    """Not UTF-8, or with characters outside the basic plane: no node can have such a path."""
    try:
        return any(ord(c) > 0xffff for c in text.decode('utf-8'))
    except UnicodeDecodeError:
        return True


def _ascii(text):
    return bytes(byte for byte in text if byte < 0x80)


@rule('odd-paths')
def impossible_paths_come_back_as_sent(c):
    """A path that no node can have, echoed by sync or by a catch-up event of setWatches.

    A: as Java reads and writes it.  B: as it was sent, the rest of the frame equal."""
    if c.req is None:
        a, b = (w.decode_reply(w.NOTIFICATION, m) for m in (c.a, c.b))
        if a.problem or b.problem or a.rest or b.rest or c.a[:24] != c.b[:24]:
            return False
        seen_a, seen_b = a.value[2], b.value[2]
        sent = any(r.op in (w.SET_WATCHES, w.SET_WATCHES2) and w.buf(seen_b) in r.payload
                   for r in c.step.reqs)
    elif c.req.op == w.SYNC and c.a[:16] == c.b[:16]:
        seen_a, seen_b = (w.decode_reply(w.SYNC, m).value for m in (c.a, c.b))
        sent = w.decode_request(c.req.payload)[2]['path'] == seen_b and c.b[16:] == w.buf(seen_b)
    else:
        return False
    return (sent and seen_b is not None and _is_odd(seen_b)
            and _ascii(seen_a or b'') == _ascii(seen_b))


@rule('odd-ids')
def odd_ids_are_kept_as_sent(c):
    """getACL of ids that are not UTF-8 or leave the basic plane: as for odd paths."""
    if c.req is None or c.req.op != w.GET_ACL or c.a[:16] != c.b[:16]:
        return False
    a, b = (w.decode_reply(w.GET_ACL, m) for m in (c.masked_a, c.masked_b))
    if a.problem or b.problem or a.rest or b.rest or a.err or a.value[1] != b.value[1]:
        return False
    if len(a.value[0]) != len(b.value[0]):
        return False
    for (perms_a, scheme_a, id_a), (perms_b, scheme_b, id_b) in zip(a.value[0], b.value[0]):
        if (perms_a, scheme_a) != (perms_b, scheme_b):
            return False
        if id_a != id_b and not (id_b in c.pair.ids_sent and _is_odd(id_b)
                                 and _ascii(id_a) == _ascii(id_b)):
            return False
    return True


@rule('root-alias-count')
def empty_path_counts_as_the_root(c):
    """getAllChildrenNumber of the empty path.  A: one more than of "/".  B: the same."""
    if c.req is None or c.req.op != w.GET_ALL_CHILDREN_NUMBER or c.a[:16] != c.b[:16]:
        return False
    a, b = (w.decode_reply(c.req.op, m) for m in (c.a, c.b))
    return (w.decode_request(c.req.payload)[2]['path'] == b'' and a.err == 0
            and len(c.b) == 20 and a.value == b.value + 1)
