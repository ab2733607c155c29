"""Ensembles of real servers for the black-box tests: any mix of kinds, with faults between them.

    with Ensemble(['rookery', 'apache', 'rookery'], observers=['apache'], proxied=True,
                  conf={'syncLimit': 3}, props={'zookeeper.commitLogCount': '500'},
                  members={2: {'conf': {...}, 'props': {...}, 'env': {...}}}) as ens:
        leader = ens.wait_leader()          # a Member: .sid .kind .role() .kill() .pause() ...
        ens.wait_serving()
        ens.others(leader)                  # members but that one
        leader.kill(); leader.start()       # kill -9; the same data, ports and configuration
        ens[3].become('apache')             # another kind of server on the same data directory
        ens.net.isolate(1, [2, 3])          # zkproxy, when proxied

Servers are numbered from 1, observers last.  Every wait has a deadline and raises with what was seen.
Leaving the block by an exception keeps all logs (below the build directory, test-logs/ensembles).

Servers are started without waiting for each other.  A member's `address` has host, port and
connect(), as zkwire.Client wants; `hosts` is what clients are given.

Scenarios is a zk.Suite whose tests return a line of what they saw; it is printed with the seconds.
"""

import os
import re
import shutil
import socket
import time
import traceback

import zkharness as zk
from zkproxy import Proxy

TICK_MS = 500
CONF = {'tickTime': TICK_MS, 'initLimit': 20, 'syncLimit': 5, 'maxSessionTimeout': 120000}
# Who asks for the role every 20 ms does not want to read that it did.
QUIET = {'org.slf4j.simpleLogger.log.org.apache.zookeeper.server.NIOServerCnxn': 'warn'}
ROLES = ('leader', 'follower', 'observer', 'read-only', 'standalone')


class Member:
    """One server of an ensemble over its lives, whatever kind it is at present."""

    def __init__(self, ens, sid, kind, is_observer, client_port, quorum_port, election_port):
        self.ens, self.sid, self.kind, self.is_observer = ens, sid, kind, is_observer
        self.client_port, self.quorum_port = client_port, quorum_port
        self.election_port = election_port
        self.host, self.port = zk.HOST, client_port
        self.hosts = '%s:%d' % (self.host, self.port)
        self.data_dir = os.path.join(ens.dir, 'data%d' % sid)
        self.server = None
        self.is_paused = False
        self.may_end = False            # the test makes it end by itself
        self.past_logs = []             # of lives as another kind
        self.lives = 0

    def __repr__(self):
        return 'server %d (%s)' % (self.sid, self.kind)

    # -- life

    def _make(self):
        options = self.ens.member_options.get(self.sid, {})
        conf = dict(CONF)
        conf.update(self.ens.conf)
        conf.update(options.get('conf', {}))
        conf.update(self.ens.server_lines(self))
        if self.is_observer:
            conf['peerType'] = 'observer'
        props = dict(QUIET, **self.ens.props)
        props.update(options.get('props', {}))
        props = {k: v for k, v in props.items() if v is not None}
        return zk.make(self.kind, conf=conf, props=props, env=options.get('env'),
                       name='s%d-%s' % (self.sid, self.kind), data_dir=self.data_dir,
                       port=self.client_port, myid=self.sid)

    def start(self):
        """Starts it and returns at once; ens.wait_serving() waits."""
        if self.server is None:
            self.server = self._make()
        self.server.start(wait=False)
        self.is_paused = False
        self.lives += 1
        return self

    def become(self, kind):
        """Another kind of server on the same data, from the next start on; ends what runs."""
        if self.server is not None:
            if self.is_running():
                self.terminate()
            self._keep_log()
            self.server.destroy()
            self.server = None
        self.kind = kind
        return self

    def remake(self):
        """Takes changed options of the ensemble or of this member; not while it runs."""
        return self.become(self.kind)

    def _keep_log(self):
        kept = os.path.join(self.ens.dir, '%s-%d.log' % (self.server.name, len(self.past_logs)))
        if os.path.exists(self.server.log_path):
            shutil.copy(self.server.log_path, kept)
            self.past_logs.append(kept)

    def is_running(self):
        return self.server is not None and self.server.is_running()

    def has_failed(self):
        """It ended by itself, and nobody asked for that."""
        if self.server is None or self.server.process is None or self.is_running():
            return False
        return not self.may_end and self.server.exit_status() not in (-9, -15, 143, 0)

    def kill(self):
        self.server.kill()
        self.is_paused = False

    def terminate(self, timeout_s=30):
        return self.server.terminate(timeout_s)

    def pause(self):
        self.server.pause()
        self.is_paused = True

    def resume(self):
        self.server.resume()
        self.is_paused = False

    def restart(self):
        self.kill()
        return self.start()

    def wipe(self):
        """Everything but myid is gone."""
        for name in os.listdir(self.data_dir):
            if name != 'myid':
                path = os.path.join(self.data_dir, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)

    def initialize(self):
        """The marker by which an operator says that having no data is how it should be."""
        os.makedirs(self.data_dir, exist_ok=True)
        with open(os.path.join(self.data_dir, 'initialize'), 'w'):
            pass

    # -- what it says

    def connect(self, timeout_s=2):
        sock = socket.create_connection((self.host, self.port), timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def four(self, word, timeout_s=2):
        """'' if it cannot be asked."""
        if not self.is_running() or self.is_paused:
            return ''
        try:
            return self.server.four(word, timeout_s)
        except OSError:
            return ''

    def srvr(self):
        return dict(line.split(': ', 1) for line in self.four('srvr').splitlines() if ': ' in line)

    def mntr(self):
        return dict(line.split('\t', 1) for line in self.four('mntr').splitlines() if '\t' in line)

    def role(self):
        """leader, follower, observer, read-only, standalone; None if it does not serve."""
        mode = self.srvr().get('Mode')
        return mode if mode in ROLES else None

    def zxid(self):
        """Of the tree, as srvr says; None if it does not serve."""
        text = self.srvr().get('Zxid')
        return int(text, 16) if text else None

    def txn_logs(self):
        return zk.Server.txn_logs(self) if os.path.isdir(self.data_dir) else []

    conf = {}                           # dataLogDir is not used here

    _version2 = zk.Server._version2

    def snapshots(self):
        return zk.Server.snapshots(self)

    def log_text(self):
        """What it logged in all its lives."""
        texts = []
        for path in self.past_logs:
            with open(path, encoding='utf-8', errors='replace') as f:
                texts.append(f.read())
        return ''.join(texts) + (self.server.log_text() if self.server else '')

    def log_mark(self):
        return len(self.log_text())

    def log_since(self, mark):
        return self.log_text()[mark:]

    @property
    def pid(self):
        return self.server.pid


class Ensemble:
    def __init__(self, kinds, observers=(), conf=None, props=None, members=None, proxied=False,
                 name='ensemble', start=True):
        for kind in sorted(set(kinds) | set(observers)):
            possible, why = zk.have(kind)
            if not possible:
                raise zk.Skipped(why)
        self.name = name
        self.conf, self.props = dict(conf or {}), dict(props or {})
        self.member_options = dict(members or {})
        self.dir = os.path.realpath(zk.tempfile.mkdtemp(prefix='rookery-test-%s-' % slug(name)))
        self.net = Proxy() if proxied else None
        self.members = {}
        zk.at_end.append(self.destroy)
        try:
            ports = zk.free_ports(3 * (len(kinds) + len(observers)))
            for i, kind in enumerate(list(kinds) + list(observers)):
                self.members[i + 1] = Member(self, i + 1, kind, i >= len(kinds),
                                             *ports[3 * i:3 * i + 3])
            self.via = self._lay_links() if proxied else {}
            if start:
                self.start()
        except BaseException:
            self.destroy()
            raise

    def _lay_links(self):
        via = {}
        pairs = [(a, b) for a in self.members for b in self.members if a != b]
        ports = iter(zk.free_ports(2 * len(pairs)))
        for a, b in pairs:
            quorum, election = next(ports), next(ports)
            self.net.link(a, b, 'quorum', self.members[b].quorum_port, quorum)
            self.net.link(a, b, 'election', self.members[b].election_port, election)
            via[(a, b)] = (quorum, election)
        return via

    def server_lines(self, member):
        """The server lines of one member's zoo.cfg: others through the proxy, itself as it is."""
        lines = {}
        for other in self.members.values():
            quorum, election = self.via.get((member.sid, other.sid),
                                            (other.quorum_port, other.election_port))
            lines['server.%d' % other.sid] = '%s:%d:%d%s' % (
                zk.HOST, quorum, election, ':observer' if other.is_observer else '')
        return lines

    # -- members

    def __getitem__(self, sid):
        return self.members[sid]

    def __iter__(self):
        return iter(self.members.values())

    def others(self, *members):
        return [m for m in self if m not in members]

    def voters(self):
        return [m for m in self if not m.is_observer]

    def observers(self):
        return [m for m in self if m.is_observer]

    def alive(self):
        return [m for m in self if m.is_running() and not m.is_paused]

    @property
    def hosts(self):
        return ','.join(m.hosts for m in self)

    def start(self):
        for member in self:
            if not member.is_running():
                member.start()
        return self

    def roles(self):
        return {m.sid: m.role() for m in self}

    # -- waiting

    def wait(self, what, fn, timeout_s=20, step_s=0.02):
        """Until fn() is true; returns its value."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = fn()
            if value:
                return value
            self.check_alive()
            if time.monotonic() > deadline:
                raise zk.CheckFailed('%s: not within %.0f s; roles %s' % (
                    what, timeout_s, self.roles()))
            time.sleep(step_s)

    def check_alive(self):
        """Raises if a member ended and nobody asked for that."""
        for member in self:
            if member.has_failed():
                raise zk.ServerFailed('%r ended by itself: status %s\n%s' % (
                    member, member.server.exit_status(), member.server.log_tail(12)))

    def leader(self):
        """The only one that says it leads; None if there is none, or more than one."""
        leading = [m for m in self.alive() if m.role() == 'leader']
        return leading[0] if len(leading) == 1 else None

    def wait_leader(self, timeout_s=20, among=None):
        """The leader that serves; with among, one of those."""
        def found():
            leading = [m for m in (self.alive() if among is None else among)
                       if m.role() == 'leader']
            return leading[0] if len(leading) == 1 else None
        return self.wait('a leader', found, timeout_s)

    def wait_serving(self, members=None, timeout_s=25):
        """Until each of these (all that run) serves, under one leader among those that run."""
        self.wait('all serve', lambda: all(
            m.role() in ('leader', 'follower', 'observer')
            for m in (members or self.alive())), timeout_s)
        return self

    def wait_gone(self, member, timeout_s=20):
        """Until it says no more that it serves."""
        return self.wait('%r stops serving' % member, lambda: member.role() is None, timeout_s)

    # -- the end

    def keep_logs(self):
        folder = os.path.join(zk.build_dir(), 'test-logs', 'ensembles', slug(self.name))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, exist_ok=True)
        for member in self:
            text = member.log_text()
            if text:
                with open(os.path.join(folder, 's%d-%s.log' % (member.sid, member.kind)), 'w') as f:
                    f.write(text)
            if member.server is not None and os.path.exists(member.server.conf_path):
                shutil.copy(member.server.conf_path, os.path.join(folder, 's%d.cfg' % member.sid))
        return folder

    def destroy(self):
        if self.destroy in zk.at_end:
            zk.at_end.remove(self.destroy)
        for member in self:
            if member.server is not None:
                if member.is_running() and member.is_paused:
                    member.resume()
                member.server.destroy()
        if self.net is not None:
            self.net.stop()
        if not os.environ.get('ROOKERY_TEST_KEEP'):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _):
        try:
            if kind is not None and not issubclass(kind, zk.Skipped):
                folder = self.keep_logs()
                states = ', '.join('%d %s %s' % (
                    m.sid, m.kind, 'paused' if m.is_paused else m.role() if m.is_running()
                    else 'ended %s' % m.server.exit_status() if m.server else 'never ran')
                    for m in self)
                print('    # at the failure: %s; logs in %s' % (states, folder), flush=True)
        finally:
            self.destroy()


def slug(text):
    return re.sub(r'[^A-Za-z0-9]+', '-', text).strip('-')[:60]


class Scenarios(zk.Suite):
    """Tests that return what they saw, in one line."""

    def __init__(self, title='', only=None):
        super().__init__(title)
        self.only = only                # a part of the name: others are left out
        self.say('# %s' % title)

    def run(self, name, fn, *args, servers=None, **kwargs):
        if self.only and self.only not in name:
            return False
        begin = time.monotonic()
        try:
            seen = fn(*args, **kwargs)
        except zk.Skipped as e:
            self.skip(name, e)
            return False
        except (AssertionError, zk.CheckFailed, zk.ServerFailed) as e:
            self.fail(name, str(e) or traceback.format_exc(), servers or [])
            return False
        except Exception as e:      # the test itself broke: that is a failure, with its place
            self.fail(name, '%s: %s\n%s' % (type(e).__name__, e, traceback.format_exc()),
                      servers or [])
            return False
        self.ok('%s: %s (%.1f s)' % (name, seen or 'done', time.monotonic() - begin))
        return True
