"""Clients that work on a small set of nodes while servers fail, and write down all they did and saw.

    load = Load(ens, clients=4).start()
    load.wait_writes(50)            # until so many writes more were acknowledged
    gap_ms = load.outage(since)     # the longest time without any acknowledged write
    ops = load.stop()               # [Op], for history.check

Each client is a thread with one session: bursts of one to a few requests, then their answers.  It
reconnects to any server with its session when the connection ends or nothing is answered; a session
that expired is replaced.  What was sent and not answered stays in the record as lost.  Ids of
requests go on over connections, so that (session, cxid) names one request for ever.
"""

import random
import threading
import time

import zkharness as zk
import zkwire as w

ROOT = '/h'
CONNECT_S, ANSWER_S = 1.0, 2.5      # no answer for so long: try another server
READS = (w.GET_DATA, w.GET_CHILDREN2, w.EXISTS)
WRITES = (w.CREATE, w.CREATE2, w.DELETE, w.SET_DATA, w.MULTI, w.CHECK)
OPEN_ACL = w.OPEN


class Op:
    """One request: what was asked, when, and what came back."""

    __slots__ = ('client', 'session', 'cxid', 'conn', 'sid', 'kind', 'op', 'path', 'data', 'version',
                 'flags', 'subs', 'called', 'replied', 'err', 'zxid', 'value', 'synced')

    def __init__(self, op, path='', data=b'', version=-1, flags=0, subs=()):
        self.op, self.path, self.data, self.version = op, path, data, version
        self.flags, self.subs = flags, subs
        self.client = self.session = self.cxid = self.conn = self.sid = self.kind = None
        self.called = self.replied = self.err = self.zxid = self.value = None
        self.synced = None          # a read: when the sync right before it was sent

    @property
    def is_write(self):
        return self.op in WRITES or self.op == w.CLOSE_SESSION

    def body(self):
        if self.op in (w.CREATE, w.CREATE2):
            return w.create(self.path, self.data, OPEN_ACL, self.flags)
        if self.op in (w.DELETE, w.CHECK):
            return w.path_version(self.path, self.version)
        if self.op == w.SET_DATA:
            return w.set_data(self.path, self.data, self.version)
        if self.op in READS:
            return w.path_watch(self.path)
        if self.op == w.SYNC:
            return w.path_only(self.path)
        if self.op == w.MULTI:
            return w.multi([(sub.op, sub.body()) for sub in self.subs])
        return b''                  # close

    def __repr__(self):
        text = '%s %s' % (w.OP_NAMES[self.op], self.path or [repr(s) for s in self.subs])
        if self.op in (w.CREATE, w.CREATE2, w.SET_DATA):
            text += ' %r' % self.data
        if self.version != -1:
            text += ' v%d' % self.version
        if self.session is None:
            return text
        end = 'lost' if self.replied is None else 'err %d zxid 0x%x at %.3f %.120r' % (
            self.err, self.zxid, self.replied, self.value)
        return '<client %s session 0x%x cxid %d server %s (%s) %s sent at %.3f: %s>' % (
            self.client, self.session & (2 ** 64 - 1), self.cxid, self.sid, self.kind, text,
            self.called, end)


class Expired(Exception):
    """The ensemble says that the session is gone."""


class Session:
    """A session over many connections; every request of it is recorded in `ops`."""

    def __init__(self, client, ops, timeout_ms=10000, rng=None, read_only=False):
        self.client, self.ops, self.timeout_ms = client, ops, timeout_ms
        self.rng = rng or random.Random(client)
        self.read_only = read_only
        self.session, self.password = 0, bytes(16)
        self.last_zxid = 0
        self.cxid = self.conn = 0
        self.wire = None
        self.member = None
        self.kind = None
        self.is_read_only = False

    def attach(self, member):
        """A connection to that server with this session; raises OSError if it does not serve it."""
        wire = None
        try:
            wire = w.Wire(member.connect(CONNECT_S))
            wire.send(w.connect_request(self.timeout_ms, self.session, self.password, self.last_zxid,
                                        self.read_only))
            payload = wire.recv(CONNECT_S)
            if payload is None:
                raise OSError('hung up')
        except (OSError, w.Timeout, w.Short) as e:
            if wire is not None:
                wire.close()
            raise OSError(str(e)) from None
        answer = w.ConnectResponse(payload)
        if answer.session == 0 or answer.timeout_ms <= 0:
            wire.close()
            raise Expired()
        self.session, self.password = answer.session, answer.password
        self.is_read_only = bool(answer.read_only)
        self.wire, self.member, self.kind = wire, member, member.kind
        self.conn += 1
        return self

    def detach(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None

    def burst(self, ops, timeout_s=ANSWER_S):
        """Sends these, takes their answers; False if the connection did not last."""
        frames = []
        now = time.monotonic()
        for op in ops:
            self.cxid += 1
            op.client, op.session, op.cxid, op.conn = self.client, self.session, self.cxid, self.conn
            op.sid, op.kind, op.called = self.member.sid, self.kind, now
            frames.append(w.frame(op.cxid, op.op, op.body()))
            self.ops.append(op)
        try:
            # What send could not hand over may still have arrived.
            if not self.wire.send(*frames):
                raise OSError('the connection ended')
            deadline = now + timeout_s
            for op in ops:
                self._take(op, deadline)
        except (OSError, w.Timeout, w.Short):
            self.detach()
            return False
        return True

    def _take(self, op, deadline):
        while True:
            payload = self.wire.recv(max(0.0, deadline - time.monotonic()))
            if payload is None:
                raise OSError('the connection ended')
            if not w.is_event(payload):
                break
        reply = w.decode_reply(op.op, payload)
        if reply.xid != op.cxid or reply.problem:
            raise zk.CheckFailed('%r was answered by xid %s: %s' % (op, reply.xid, reply.problem))
        op.replied = time.monotonic()
        op.err, op.zxid, op.value = reply.err, reply.zxid, reply.value
        self.last_zxid = max(self.last_zxid, reply.zxid)

    def one(self, op, timeout_s=ANSWER_S):
        """A single request; raises OSError if it was not answered."""
        if not self.burst([op], timeout_s):
            raise OSError('no answer to %r' % op)
        return op

    def close(self):
        """Ends the session."""
        if self.wire is not None:
            done = self.burst([Op(w.CLOSE_SESSION)])
            self.detach()
            return done
        return False


class Client(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.number = load, number
        self.rng = random.Random(load.seed * 1000 + number)
        self.ops = []
        self.counter = 0
        self.expired = self.connections = 0
        self.problem = None
        self.versions = {}          # path -> the version this client saw last
        self.mine = []              # ephemerals and sequential nodes it made
        self.session = None

    # -- requests

    def value(self):
        self.counter += 1
        return b'c%d-%d' % (self.number, self.counter)

    def key(self):
        return '%s/k%d' % (ROOT, self.rng.randrange(self.load.keys))

    def write(self):
        roll, path = self.rng.random(), self.key()
        version = self.versions.get(path, 0) if self.rng.random() < 0.3 else -1
        if roll < 0.45:
            return Op(w.SET_DATA, path, self.value(), version)
        if roll < 0.60:
            return Op(self.rng.choice((w.CREATE, w.CREATE2)), path, self.value())
        if roll < 0.68:
            return Op(w.DELETE, path, version=version)
        if roll < 0.78:
            return Op(w.CREATE, ROOT + '/s/x-', self.value(), flags=w.SEQUENTIAL)
        if roll < 0.86:
            if self.mine and self.rng.random() < 0.6:
                return Op(w.DELETE, self.mine.pop(0))
            path = '%s/e/c%d-%d' % (ROOT, self.number, self.counter + 1)
            self.mine.append(path)
            return Op(w.CREATE, path, self.value(), flags=w.EPHEMERAL)
        other = self.key()
        subs = [Op(w.SET_DATA, path, self.value(), version), Op(w.SET_DATA, other, self.value())]
        more = self.rng.random()
        if more < 0.25:
            subs.append(Op(w.CHECK, self.key(), version=self.rng.randrange(4)))
        elif more < 0.5:
            subs.append(Op(w.CREATE, ROOT + '/s/m-', self.value(), flags=w.SEQUENTIAL))
        elif more < 0.6:
            subs = [Op(w.DELETE, path), Op(w.CREATE, path, self.value())]
        return Op(w.MULTI, subs=subs)

    def read(self):
        roll = self.rng.random()
        if roll < 0.6:
            return Op(w.GET_DATA, self.key())
        if roll < 0.8:
            return Op(w.GET_CHILDREN2, self.rng.choice((ROOT, ROOT + '/s', ROOT + '/e')))
        return Op(w.EXISTS, self.key())

    def burst(self):
        ops = []
        for _ in range(self.rng.randrange(1, self.load.depth + 1)):
            if self.rng.random() < self.load.reads:
                if self.rng.random() < 0.15:
                    ops.append(Op(w.SYNC, ROOT))
                ops.append(self.read())
            else:
                ops.append(self.write())
        return ops

    # -- life

    def attach(self):
        """To any server that takes the session; False if told to stop."""
        while not self.load.stopping:
            members = list(self.load.members)
            self.rng.shuffle(members)
            for member in members:
                if self.load.stopping:
                    return False
                try:
                    if self.session is None:
                        self.session = Session(self.number, self.ops, self.load.timeout_ms, self.rng)
                    self.session.attach(member)
                    self.connections += 1
                    return True
                except Expired:
                    self.expired += 1
                    self.session = None
                    break
                except OSError:
                    pass
            time.sleep(0.02)
        return False

    def run(self):
        try:
            while not self.load.stopping and self.attach():
                while not self.load.stopping and self.step():
                    pass
        except BaseException as e:      # the main thread says so
            self.problem = e

    def step(self):
        ops = self.burst()
        sync = None
        if not self.session.burst(ops):
            return False
        for op in ops:
            if op.op == w.SYNC:
                sync = op.called if op.err == 0 else None
                continue
            if op.op in READS:
                op.synced = sync
                if op.err == 0:
                    stat = op.value if op.op == w.EXISTS else op.value[1]
                    self.versions[op.path] = stat.version
            if op.err == 0 and op.op == w.SET_DATA:
                self.versions[op.path] = op.value.version
            sync = None
        if any(op.err in (-112, -118) for op in ops):
            self.session.detach()
            return False
        if self.rng.random() < self.load.moves:
            self.session.detach()       # and on to another server
            return False
        if self.load.pace_s:
            time.sleep(self.rng.random() * self.load.pace_s)
        return True


class Load:
    """The clients, and sessions that are left to expire (`zombies`)."""

    def __init__(self, ens, clients=4, keys=6, depth=4, reads=0.5, timeout_ms=10000, seed=1,
                 pace_s=0.02, moves=0.005, members=None, zombies=1):
        self.ens, self.keys, self.depth, self.reads = ens, keys, depth, reads
        self.timeout_ms, self.seed, self.pace_s, self.moves = timeout_ms, seed, pace_s, moves
        self.members = list(members or ens)
        self.stopping = False
        self.clients = [Client(self, i) for i in range(clients)]
        self.setup_ops = []
        self.zombie_count = zombies
        self.zombies = []               # sessions nobody keeps alive
        self.late = []                  # (time, what) noted by tests

    def start(self):
        session = self.any_session('setup', self.setup_ops)
        for path in (ROOT, ROOT + '/s', ROOT + '/e'):
            op = session.one(Op(w.CREATE, path))
            zk.check(op.err in (0, -110), 'creating %s: %d' % (path, op.err))
        session.close()
        for i in range(self.zombie_count):
            zombie = self.any_session('zombie%d' % i, self.setup_ops, 2000)
            zombie.one(Op(w.CREATE, '%s/e/zombie%d' % (ROOT, i), b'z', flags=w.EPHEMERAL))
            zombie.detach()
            self.zombies.append(zombie.session)
        for client in self.clients:
            client.start()
        return self

    def any_session(self, name, ops, timeout_ms=None, within_s=20):
        """A session at whichever server takes it."""
        deadline = time.monotonic() + within_s
        while True:
            for member in self.members:
                try:
                    return Session(name, ops, timeout_ms or self.timeout_ms).attach(member)
                except OSError as e:
                    last = e
            if time.monotonic() > deadline:
                raise zk.CheckFailed('no server takes a session: %s' % last)
            time.sleep(0.05)

    # -- while it runs

    def problems(self):
        for client in self.clients:
            if client.problem is not None:
                raise zk.CheckFailed('client %d: %r' % (client.number, client.problem))

    def acked(self, since=0.0):
        """Acknowledged writes that were sent after `since`."""
        return [op for c in self.clients for op in list(c.ops)
                if op.is_write and op.replied is not None and op.err == 0 and op.called >= since]

    def wait_writes(self, count, timeout_s=20, sid=None):
        """Until that many writes sent from now on succeeded (at that server)."""
        begin = time.monotonic()
        while True:
            self.problems()
            self.ens.check_alive()
            done = [op for op in self.acked(begin) if sid is None or op.sid == sid]
            if len(done) >= count:
                return done
            if time.monotonic() - begin > timeout_s:
                raise zk.CheckFailed('%d of %d writes in %.0f s; roles %s' % (
                    len(done), count, timeout_s, self.ens.roles()))
            time.sleep(0.02)

    def outage_ms(self, since, until=None):
        """The longest time from `since` on in which no write was acknowledged."""
        times = sorted(op.replied for op in self.acked() if op.replied >= since)
        times = [since] + [t for t in times if until is None or t <= until]
        return int(1000 * max((b - a for a, b in zip(times, times[1:])), default=0))

    @property
    def expired(self):
        return sum(c.expired for c in self.clients)

    @property
    def connections(self):
        return sum(c.connections for c in self.clients)

    # -- the end

    def stop(self, close=True):
        """Ends it; sessions are closed if a server takes that.  Returns all operations."""
        self.stopping = True
        for client in self.clients:
            client.join(20)
            zk.check(not client.is_alive(), 'client %d does not end' % client.number)
        self.problems()
        if close:
            for client in self.clients:
                self.close(client)
        return self.ops()

    def close(self, client):
        session = client.session
        if session is None or session.session == 0:
            return
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            for member in self.ens.alive():
                try:
                    if session.wire is None:
                        session.attach(member)
                    if session.close():
                        return
                except Expired:
                    return
                except OSError:
                    pass
            time.sleep(0.05)
        raise zk.CheckFailed('the session of client %d cannot be closed' % client.number)

    def ops(self):
        return self.setup_ops + [op for c in self.clients for op in c.ops]
