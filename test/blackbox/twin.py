"""Two servers, driven alike, compared byte for byte.

A Pair holds two servers, the reference (A) and the one under test (B).  A Twin is one client that
is connected to both.  Every step sends the same bytes over both connections and then reads both
until a ping sent behind them is answered, so each step ends with everything in its place: the
replies, the events before them, and the events that other twins got (they are pinged as well).
Steps run one after the other, hence both servers see the same order and must give the same
zxids, and these are compared too.

What may differ is masked before the comparison, and checked where something is known about it:

    ctime, mtime        the wall clock, zero exactly if the zxid beside it is zero, the same for
                        the same zxid whenever it is seen again
    session ids         become the number of the session's opening
    passwords           must be the function of the session id that every server computes
    lists of children, of ephemerals, of a connection's ids: sorted, their order is a hash's
    events of one closeSession: sorted, the order in which ephemerals go is a hash's

Everything else must be equal, or be excused by a rule of rules.py.  A difference raises
Difference, whose text has the step, both byte strings decoded and raw, and the steps before it.
"""

import collections
import socket
import struct
import time

import zkharness as zk
import zkwire as w

SESSION_TIMEOUT_MS = 600000     # no session expires by itself unless a test wants it
HISTORY_STEPS = 12
SAMPLES_KEPT = 5
EOF, TIMEOUT = b'<connection closed>', b'<no answer in time>'


class Difference(zk.CheckFailed):
    """The servers did not behave alike."""


class Req:
    """One request: op and body, or a raw payload (the frame without its length)."""

    def __init__(self, op, body=b'', xid=None, payload=None):
        self.op, self.body, self.xid, self.payload = op, body, xid, payload

    def encode(self, xid):
        if self.payload is None:
            self.payload = w.frame(xid if self.xid is None else self.xid, self.op, self.body)
        return self.payload


class Side:
    """What is known of one of the two servers: which session is which, which txn when."""

    def __init__(self, server):
        self.server = server
        self.sessions = {}              # session id -> number of its opening
        self.times = {0: 0}             # zxid -> time
        self.started_ms = int(time.time() * 1000)

    def learn_time(self, zxid, when_ms, problems):
        if zxid in self.times:
            if self.times[zxid] != when_ms:
                problems.append('time of zxid %d was %d, now it is %d'
                                % (zxid, self.times[zxid], when_ms))
            return
        if not self.started_ms - 2000 <= when_ms <= time.time() * 1000 + 2000:
            problems.append('time of zxid %d is %d, not now' % (zxid, when_ms))
        self.times[zxid] = when_ms

    def mask_session(self, session):
        number = self.sessions.get(session)
        return session if number is None else 0x5e55000000000000 + number

    def mask(self, op, payload, problems):
        """The payload with everything replaced that may differ between servers."""
        d = w.decode_reply(op, payload)
        out = bytearray(payload)
        for at in d.stats:
            czxid, mzxid, ctime, mtime = struct.unpack('>qqqq', payload[at:at + 32])
            self.learn_time(czxid, ctime, problems)
            self.learn_time(mzxid, mtime, problems)
            owner = struct.unpack('>q', payload[at + 44:at + 52])[0]
            out[at + 16:at + 32] = struct.pack('>qq', ctime and 1, mtime and 1)
            out[at + 44:at + 52] = struct.pack('>q', self.mask_session(owner))
        for spans in d.lists:
            if spans:
                items = sorted(payload[start:start + length] for start, length in spans)
                start = spans[0][0]
                joined = b''.join(items)
                out[start:start + len(joined)] = joined
        return bytes(out)

    def mask_connect(self, payload, number, problems):
        try:
            r = w.ConnectResponse(payload)
        except w.Short as e:
            problems.append('the ConnectResponse is unreadable: %s' % e)
            return payload
        if r.session == 0 or len(r.password or b'') != 16:
            return payload
        if r.password != w.password_of(r.session):
            problems.append('the password of session 0x%x is %s, not %s'
                            % (r.session, r.password.hex(), w.password_of(r.session).hex()))
        if number is not None:
            self.sessions.setdefault(r.session, number)
        out = bytearray(payload)
        out[8:16] = struct.pack('>q', self.mask_session(r.session))
        out[20:36] = bytes(16)
        return bytes(out)


# One difference, as a rule sees it.  req: the request, None for an event.  a, b: the frames;
# masked_a, masked_b: with what may differ replaced.  step: the whole step on this connection.
Context = collections.namedtuple('Context', 'req a b masked_a masked_b pair twin step')


class Pair:
    """Two servers under the same requests; rules excuse known differences of B."""

    def __init__(self, kinds, rules=(), label='', **options):
        self.kinds, self.rules, self.label, self.options = kinds, rules, label, options
        self.rules_used = collections.Counter()
        self.excused_samples = {}       # rule -> [(context, side B)], the last it excused
        self.transcript = None          # a list, to keep (request, frames of A, frames of B)
        self.steps_total = self.frames_total = 0
        self.sides = self.twins = None

    def start(self):
        self.close()
        servers = []
        try:
            for kind, letter in zip(self.kinds, 'AB'):
                servers.append(zk.make(kind, name='%s-%s' % (letter, kind), **self.options))
                servers[-1].start(wait=False)
            for server in servers:
                server.wait_ready()
        except BaseException:
            for server in servers:
                server.destroy()
            raise
        self.sides = [Side(server) for server in servers]
        self.twins = []
        self.step = 0
        self.sessions_opened = 0
        self.history = collections.deque(maxlen=HISTORY_STEPS)
        self.ids_sent = set()   # ids in ACLs that are not ASCII, also as getACL masks them
        self.step_zxids = set()  # zxids that the acting connection saw in this step
        self.fault = None       # a function (side, payload) -> payload, to test the tests
        return self

    @property
    def is_started(self):
        return bool(self.sides)

    @property
    def servers(self):
        return [side.server for side in self.sides or ()]

    def close(self):
        for twin in self.twins or ():
            twin.drop()
        for side in self.sides or ():
            side.server.destroy()
        self.sides = self.twins = None

    def drop_twins(self):
        """Close all connections; the sessions stay behind."""
        for twin in self.twins:
            twin.drop()
        self.twins = []

    def open(self, name=None, **options):
        return Twin(self, name or 't%d' % (len(self.twins) + 1), **options)

    def restart(self, options=None):
        """Fresh servers, with other options if given."""
        self.close()
        self.options = self.options if options is None else options
        return self.start()

    # -- the comparison

    def fail(self, what, details=()):
        lines = ['%s at step %d%s' % (what, self.step, ' of ' + self.label if self.label else '')]
        lines += ['A = %s, B = %s' % self.kinds]
        lines += details
        lines += ['the steps before:'] + ['  ' + line for line in self.history]
        raise Difference('\n'.join(lines))

    def note(self, text):
        self.step += 1
        self.steps_total += 1
        self.history.append('%d %s' % (self.step, text))

    def compare(self, twin, reqs, streams, is_unordered):
        """streams: the frames that came on A and on B in this step, for one twin."""
        pairs = [self._attribute(reqs, frames) for frames in streams]
        if is_unordered:
            pairs = [_sort_events(stream) for stream in pairs]
        self.frames_total += len(pairs[0])
        if self.transcript is not None:
            self.transcript.append((twin, reqs, streams, is_unordered))
        if len(pairs[0]) != len(pairs[1]):
            self.fail('%d frames from A but %d from B' % (len(pairs[0]), len(pairs[1])),
                      self._show_streams(twin, reqs, pairs))
        for at, ((req_a, a), (req_b, b)) in enumerate(zip(*pairs)):
            problems = []
            op = _op_of(req_a)
            if req_a is not req_b or EOF in (a, b) or TIMEOUT in (a, b):
                same, masked = (req_a is req_b and a == b and a != TIMEOUT), (a, b)
            else:
                masked = (self.sides[0].mask(op, a, problems), self.sides[1].mask(op, b, problems))
                same = masked[0] == masked[1]
            if problems:
                self.fail('a wrong value: ' + '; '.join(problems),
                          self._show_streams(twin, reqs, pairs, at))
            if not same:
                context = Context(req_a, a, b, masked[0], masked[1], self, twin,
                                  StepView(reqs, pairs, at, is_unordered))
                if req_a is not req_b or not self.excused(context):
                    self.fail('a difference', self._show_streams(twin, reqs, pairs, at))

    def excused(self, context):
        for rule in self.rules:
            if rule.excuses(context):
                self.rules_used[rule.name] += 1
                self.excused_samples.setdefault(rule, []).append((context, self.sides[1]))
                del self.excused_samples[rule][:-SAMPLES_KEPT]
                return True
        return False

    def _attribute(self, reqs, frames):
        """Pair each frame with its request; None = an event."""
        waiting = list(reqs)
        stream = []
        for payload in frames:
            if payload in (EOF, TIMEOUT):
                stream.append((EOF, payload))
                continue
            xid = payload[:4]
            found = next((i for i, r in enumerate(waiting)
                          if xid in (_reply_xid(r), r.payload[:4])), None)
            if found is not None and not (xid == b'\xff' * 4 and _looks_like_event(payload)
                                          and _op_of(waiting[found]) != w.NOTIFICATION):
                stream.append((waiting[found], payload))
                del waiting[:found + 1]
            else:
                stream.append((None, payload))
        return stream

    def _show_streams(self, twin, reqs, pairs, at=None):
        lines = ['on connection %s, requests:' % twin.name]
        lines += ['  > ' + w.describe_request(r.payload) for r in reqs]
        if at is not None:
            (req, a), (_, b) = pairs[0][at], pairs[1][at]
            lines.append('frame %d differs:' % at)
            if isinstance(req, Req):
                lines.append('  request  %s' % w.describe_request(req.payload))
                lines.append('           %s' % req.payload.hex())
            lines += ['  A        %s' % _show_frame(req, a), '           %s' % a.hex(),
                      '  B        %s' % _show_frame(pairs[1][at][0], b), '           %s' % b.hex()]
        for letter, stream in zip('AB', pairs):
            lines.append('all of %s:' % letter)
            lines += ['  < ' + _show_frame(req, payload) for req, payload in stream]
        return lines


StepView = collections.namedtuple('StepView', 'reqs pairs at is_unordered')


def _zxid(payload):
    return struct.unpack('>q', payload[4:12])[0]


def _op_of(req):
    return req.op if isinstance(req, Req) else w.NOTIFICATION


def _reply_xid(req):
    return w.i32(w.PING_XID) if req.op == w.PING else req.payload[:4]


def _looks_like_event(payload):
    d = w.decode_reply(w.NOTIFICATION, payload)
    return d.problem is None and not d.rest and d.value is not None and d.value[0] in w.EVENT_NAMES


def _show_frame(req, payload):
    if payload in (EOF, TIMEOUT):
        return payload.decode()
    return w.describe_reply(_op_of(req), payload)


def _without_late_replies(reqs, frames):
    """Drop replies to requests that stood behind a closeSession: there may or may not be some."""
    at = [r.op for r in reqs].index(w.CLOSE_SESSION)
    # A ping behind it is answered with its own xid when it fails, with -2 when it does not.
    late = {xid for r in reqs[at + 1:] for xid in (_reply_xid(r), r.payload[:4])}
    late -= {_reply_xid(r) for r in reqs[:at + 1]}
    return [f for f in frames if f[:4] not in late]


def _sort_events(stream):
    out, run = [], []
    for item in stream + [('end', None)]:
        if item[0] is None:
            run.append(item)
            continue
        out += sorted(run, key=lambda pair: pair[1][16:])
        run = []
        out.append(item)
    return out[:-1]


class Twin:
    """One client, connected to both servers of a pair."""

    def __init__(self, pair, name, timeout_ms=SESSION_TIMEOUT_MS, session_of=None, password=None,
                 last_zxid=0, read_only=False, version=0, raw=None, is_plain=False):
        """session_of: a twin whose session is to be taken over.  raw: bytes instead of the
        handshake (one for both, or one for each).  is_plain: connect, send nothing."""
        self.pair, self.name = pair, name
        self.xid = 0
        self.is_closed = False
        self.is_watching = False
        self.watched = set()        # paths this connection ever set a watch on
        self.response = None
        self.wires = [_connect(side.server) for side in pair.sides]
        self.sessions = [0, 0]
        pair.twins.append(self)
        if is_plain:
            return
        requests = []
        for at in (0, 1):
            session = session_of.sessions[at] if session_of else 0
            secret = password
            if secret is None:
                secret = w.password_of(session) if session else bytes(16)
            requests.append(w.connect_request(timeout_ms, session, secret, last_zxid, read_only,
                                              version))
        self.handshake(raw or requests)

    def handshake_cut(self, requests):
        """The handshake in pieces of one byte."""
        self.handshake(requests, is_cut=True)

    def handshake(self, requests, behind=(), is_cut=False):
        """Send one ConnectRequest to each (and requests behind it), compare the answers."""
        pair = self.pair
        if isinstance(requests, bytes):
            requests = [requests, requests]
        pair.note('%s connects: %s' % (self.name, requests[0].hex()))
        for wire, request in zip(self.wires, requests):
            frames = [request]
            for at, req in enumerate(behind):
                frames.append(req.encode(at + 1))
            data = b''.join(w.i32(len(f)) + f for f in frames)
            for piece in (data[i:i + 1] for i in range(len(data))) if is_cut else (data,):
                wire.send_raw(piece)
        problems, masked = [], []
        answers = [self._recv(at) for at in (0, 1)]
        pair.sessions_opened += 1
        for at, answer in enumerate(answers):
            if answer in (EOF, TIMEOUT):
                masked.append(answer)
            else:
                masked.append(pair.sides[at].mask_connect(answer, pair.sessions_opened, problems))
        details = ['%s %s' % (letter, answer.hex() if answer not in (EOF, TIMEOUT) else answer)
                   for letter, answer in zip('AB', answers)]
        if problems:
            pair.fail('a wrong handshake: ' + '; '.join(problems), details)
        if masked[0] != masked[1] or TIMEOUT in answers:
            pair.fail('the handshakes differ', details)
        if answers[0] == EOF:
            self.is_closed = True
            return
        responses = [w.ConnectResponse(answer) for answer in answers]
        self.response = responses[0]
        self.sessions = [r.session for r in responses]
        if responses[0].session == 0:
            self.expect_eof()

    def _recv(self, at, timeout_s=None):
        try:
            payload = self.wires[at].recv(timeout_s)
        except w.Timeout:
            return TIMEOUT
        except w.Short as e:
            return ('<%s>' % e).encode()
        if payload is None:
            return EOF
        if self.pair.fault:
            payload = self.pair.fault(at, payload)
        return payload

    def _read_until_ping(self, at, pings):
        """Frames up to the answer of the last of `pings` pings, or to the end."""
        frames = []
        while True:
            payload = self._recv(at)
            if payload is None:         # a fault dropped it
                continue
            frames.append(payload)
            if payload in (EOF, TIMEOUT):
                return frames
            if payload[:4] == b'\xff\xff\xff\xfe':
                pings -= 1
                if pings == 0:
                    return frames

    def send(self, *reqs, is_unordered=False, parts=None, is_sent=False):
        """One step: send requests in one write (or cut into `parts` pieces), compare all that
        comes back.  is_sent: they are on their way already.  Returns A's replies, decoded,
        without the events."""
        pair = self.pair
        reqs = [r if isinstance(r, Req) else Req(*r) for r in reqs]
        for r in reqs:
            self.xid += 1
            r.encode(self.xid)
            _spare_the_oracle(r.payload)
            if r.op == w.CLOSE_SESSION:
                is_unordered = True
            if r.op in WATCH_OPS:
                self.is_watching = True
                self._note_watches(r.payload)
            elif r.op in ACL_OPS:
                self._note_ids(r.payload)
        shown = ' | '.join(w.describe_request(r.payload) for r in reqs)
        if len(shown) > 1500:
            shown = shown[:900] + ' ... ' + shown[-500:]
        pair.note('%s > %s' % (self.name, shown))
        fence = Req(w.PING, xid=w.PING_XID)
        fence.encode(0)
        # A request behind a closeSession is dropped or answered -112, whichever thread is first,
        # so none is sent behind it as a fence: the end of the stream is the fence.
        is_closing = any(r.op == w.CLOSE_SESSION for r in reqs)
        sent = ([] if is_sent else reqs) + ([] if is_closing else [fence])
        data = b''.join(w.i32(len(r.payload)) + r.payload for r in sent)
        self._send_raw(data, parts)
        pings = sum(1 for r in reqs if r.op == w.PING) + 1
        streams = [self._read_until_ping(at, 0 if is_closing else pings) for at in (0, 1)]
        if is_closing:
            streams = [_without_late_replies(reqs, stream) for stream in streams]
        others = [(t, t.poll()) for t in pair.twins
                  if t is not self and t.is_watching and not t.is_closed]
        if EOF in (streams[0][-1], streams[1][-1]):
            self.is_closed = True
        pair.step_zxids = {_zxid(f) for f in streams[0] if f not in (EOF, TIMEOUT)}
        pair.compare(self, reqs + [fence], streams, is_unordered)
        for other, other_streams in others:
            other.settle(other_streams, is_unordered)
        return [w.decode_reply(r.op, payload) if payload != EOF else None
                for r, payload in pair._attribute(reqs + [fence], streams[0])
                if r is not None and r is not fence]

    def _note_watches(self, payload):
        try:
            values = w.decode_request(payload)[2]
        except (w.Short, KeyError):
            return
        for value in values.values():
            self.watched.update(value if isinstance(value, list) else [value])

    def _note_ids(self, payload):
        try:
            acl = w.decode_request(payload)[2]['acl'] or ()
        except (w.Short, KeyError):
            return
        for _, _, ident in acl:
            if ident is not None and not ident.isascii():
                self.pair.ids_sent.update((ident, ident.split(b':')[0] + b':x'))

    def send_unfenced(self, req, count=None):
        """One request without a ping behind it.  Without a count: one reply, then the end
        unless it is a good one to auth."""
        pair = self.pair
        self.xid += 1
        req.encode(self.xid)
        pair.note('%s > %s (alone)' % (self.name, w.describe_request(req.payload)))
        self._send_raw(w.i32(len(req.payload)) + req.payload, None)
        is_auth = req.op in (w.AUTH, w.SASL)
        streams = []
        for at in (0, 1):
            frames = [self._recv(at)]
            if count is None and frames[0] not in (EOF, TIMEOUT):
                if not is_auth or frames[0][12:16] != bytes(4):
                    frames.append(self._recv(at))
            streams.append(frames)
        if EOF in (streams[0][-1], streams[1][-1]):
            self.is_closed = True
        pair.compare(self, [req], streams, False)

    def auth_unfenced(self, scheme, data):
        self.send_unfenced(Req(w.AUTH, w.auth(scheme, data), xid=w.AUTH_XID))

    def _send_raw(self, data, parts):
        for wire in self.wires:
            if parts is None:
                wire.send_raw(data)
                continue
            size = max(1, len(data) // parts)
            for start in range(0, len(data), size):
                if not wire.send_raw(data[start:start + size]):
                    break
                time.sleep(0.001)

    def poll(self):
        """Ask both servers for what is on its way to this twin."""
        fence = Req(w.PING, xid=w.PING_XID)
        fence.encode(0)
        for wire in self.wires:
            wire.send(fence.payload)
        streams = [self._read_until_ping(at, 1) for at in (0, 1)]
        return fence, streams

    def settle(self, polled, is_unordered=False):
        fence, streams = polled
        if EOF in (streams[0][-1], streams[1][-1]):
            self.is_closed = True
        self.pair.compare(self, [fence], streams, is_unordered)

    def check_alive(self, is_unordered=False):
        """A step without a request: the events so far and a ping, or the end."""
        pair = self.pair
        pair.note('%s pings' % self.name)
        polled = self.poll()
        last = polled[1][0][-1]
        if last not in (EOF, TIMEOUT):
            pair.step_zxids = set(range(max(1, _zxid(last) - 20), _zxid(last) + 1))
        self.settle(polled, is_unordered)

    def raw(self, data, parts=None, label=None):
        """Send raw bytes after the handshake, then expect both to close after equal bytes."""
        self.pair.note('%s sends raw %s' % (self.name, label or data[:200].hex()))
        self._send_raw(data, parts)
        self.expect_eof()

    def expect_eof(self):
        rest = []
        for at, wire in enumerate(self.wires):
            try:
                rest.append(wire.recv_all(20))
            except w.Timeout:
                self.pair.fail('%s does not close connection %s' % ('AB'[at], self.name))
        if rest[0] != rest[1]:
            self.pair.fail('the last bytes on %s differ' % self.name,
                           ['A ' + rest[0].hex(), 'B ' + rest[1].hex()])
        self.is_closed = True
        return rest[0]

    def drop(self):
        """Close the connections without closing the session."""
        for wire in self.wires:
            wire.close()
        self.is_closed = True
        if self in self.pair.twins:
            self.pair.twins.remove(self)

    def end(self):
        """closeSession; both must answer and close."""
        self.send(Req(w.CLOSE_SESSION))
        zk.check(self.is_closed, 'closeSession did not close the connection')
        self.drop()

    # -- short names for the requests of the scripts; each is one step

    def op(self, op, body=b'', **options):
        replies = self.send(Req(op, body, **options))
        return replies[0] if replies else None

    def create(self, path, data=b'', acl=w.OPEN, flags=0, op=w.CREATE):
        return self.op(op, w.create(path, data, acl, flags))

    def create2(self, path, data=b'', acl=w.OPEN, flags=0):
        return self.op(w.CREATE2, w.create(path, data, acl, flags))

    def create_ttl(self, path, data=b'', acl=w.OPEN, flags=w.TTL, ttl=100000):
        return self.op(w.CREATE_TTL, w.create_ttl(path, data, acl, flags, ttl))

    def container(self, path, data=b'', acl=w.OPEN, flags=w.CONTAINER):
        return self.op(w.CREATE_CONTAINER, w.create(path, data, acl, flags))

    def delete(self, path, version=-1):
        return self.op(w.DELETE, w.path_version(path, version))

    def exists(self, path, watch=False):
        return self.op(w.EXISTS, w.path_watch(path, watch))

    def get(self, path, watch=False):
        return self.op(w.GET_DATA, w.path_watch(path, watch))

    def set(self, path, data=b'', version=-1):
        return self.op(w.SET_DATA, w.set_data(path, data, version))

    def get_acl(self, path):
        return self.op(w.GET_ACL, w.path_only(path))

    def set_acl(self, path, acl, version=-1):
        return self.op(w.SET_ACL, w.set_acl(path, acl, version))

    def ls(self, path, watch=False):
        return self.op(w.GET_CHILDREN, w.path_watch(path, watch))

    def ls2(self, path, watch=False):
        return self.op(w.GET_CHILDREN2, w.path_watch(path, watch))

    def count(self, path):
        return self.op(w.GET_ALL_CHILDREN_NUMBER, w.path_only(path))

    def ephemerals(self, prefix):
        return self.op(w.GET_EPHEMERALS, w.path_only(prefix))

    def sync(self, path):
        return self.op(w.SYNC, w.path_only(path))

    def multi(self, *ops):
        return self.op(w.MULTI, w.multi(ops))

    def multi_read(self, *ops):
        return self.op(w.MULTI_READ, w.multi(ops))

    def auth(self, scheme, data, **options):
        return self.op(w.AUTH, w.auth(scheme, data), **options)

    def who(self):
        return self.op(w.WHO_AM_I)

    def add_watch(self, path, mode):
        return self.op(w.ADD_WATCH, w.path_type(path, mode))

    def check_watches(self, path, kind):
        return self.op(w.CHECK_WATCHES, w.path_type(path, kind))

    def remove_watches(self, path, kind):
        return self.op(w.REMOVE_WATCHES, w.path_type(path, kind))

    def tree(self, path):
        """Read everything below a path on both servers: data, Stat and ACL of each node."""
        todo = [path]
        while todo:
            here = todo.pop()
            replies = self.send(Req(w.GET_DATA, w.path_watch(here)),
                                Req(w.GET_ACL, w.path_only(here)),
                                Req(w.GET_CHILDREN, w.path_watch(here)))
            for name in sorted(replies[2].value or ()):
                todo.append((b'' if here in ('/', b'/') else _bytes(here)) + b'/' + name)


def _connect(server):
    """A connection; one that the server resets at once is at its end from the start."""
    try:
        return w.Wire(server.connect())
    except (BrokenPipeError, ConnectionResetError):
        wire = w.Wire(socket.socket())
        wire.is_eof = True
        return wire


def _spare_the_oracle(payload):
    """Refuse requests that are known to end or corrupt an Apache server."""
    r = w.Reader(payload)
    try:
        op = (r.i32(), r.i32())[1]
        if op == w.CREATE_TTL:
            flags, ttl = (r.ustr(), r.buf(), r.acl(), r.i32(), r.i64())[3:]
            zk.check(not (0 <= flags <= 4 and ttl < 0), 'this createTTL ends an Apache server')
        zk.check(op not in (w.CHECK, w.CREATE_SESSION),
                 'opcode %d harms the database of an Apache server' % op)
    except w.Short:
        pass


def _bytes(path):
    return path.encode() if isinstance(path, str) else path


ACL_OPS = {w.CREATE, w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL, w.SET_ACL}
WATCH_OPS = {w.EXISTS, w.GET_DATA, w.GET_CHILDREN, w.GET_CHILDREN2, w.ADD_WATCH, w.SET_WATCHES,
             w.SET_WATCHES2}
