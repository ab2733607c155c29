"""The differences from Apache ZooKeeper 3.8.0 that are kept, as rules.

Each rule names a row of docs/compatibility.md and excuses exactly one shape of difference; what
it excuses it also checks, so that the server cannot answer anything it likes there.  A rule gets
a Context (see twin.py) and returns True or False.  Rules are never applied when both servers are
of the same kind.
"""

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
            if w.decode_reply(w.NOTIFICATION, payload).zxid < zxid:
                return False
        elif req.op in WRITES:
            return w.decode_reply(req.op, payload).zxid == zxid
        elif req.op != w.PING:
            return False        # on the connection that wrote, a write's reply follows
    return True
