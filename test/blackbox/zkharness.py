"""Start, stop, kill and inspect ZooKeeper servers for the black-box tests.

This module is the only place that knows how a server process is run.  The kinds:

    apache    Debian's Apache ZooKeeper (jars below /usr/share/java, override with ZK_JAR_DIR)
    rookery   the server of this repository: $ROOKERY_SERVER, else build/rookery-server
    alt       another version of Apache ZooKeeper: $ZK_ALT_CLASSPATH names its jars
    apache39  Apache ZooKeeper 3.9 with its own jars from Maven Central, kept below the build
              directory ($BUILD, else build) once they were fetched

Each takes the same zoo.cfg and the same -Dkey=value properties, so one test can run on any.

Typical use
-----------
    import zkharness as zk

    with zk.start('rookery') as server:            # or 'apache'; returns once it serves
        print(server.host, server.port, server.hosts)   # hosts = '127.0.0.1:PORT' for clients
        print(server.four('srvr'))                 # a four-letter word, answer as text

    server = zk.make('rookery', conf={'tickTime': 500}, props={'zookeeper.enforceQuota': 'true'})
    server.start()                # raises ServerFailed with the log in its text
    server.kill()                 # kill -9, waits for the end
    server.start()                # same data directory, same port
    server.terminate()            # SIGTERM, waits; returns the exit status
    server.pause(); server.resume()        # SIGSTOP, SIGCONT
    server.destroy()              # kill -9 if alive, remove the directory

Everything is cleaned up: leaving the `with` block, destroy(), or the end of the interpreter kills
the process (by its pid only) and removes the temporary directory.  The kernel kills a server whose
test program died.  Set ROOKERY_TEST_KEEP=1 to keep the directories.

conf   keys of zoo.cfg (None removes a default).  Defaults: tickTime 2000, 127.0.0.1 and a free
       clientPort, dataDir below the temporary directory, admin.enableServer=false,
       4lw.commands.whitelist=*, maxClientCnxns=0, extendedTypesEnabled unset.
props  Java system properties; passed as -Dkey=value before the config file, to both kinds.
env    extra environment variables of the process.
data_dir / keep_data   use an existing data directory; it is never removed when given.
myid   writes a myid file; with server.N keys in conf the process is a member of an ensemble.

Attributes: kind, name, dir, data_dir, conf_path, log_path, host, port, hosts, pid, process.
Methods:    start, wait_ready, terminate, kill, pause, resume, destroy, restart, is_running,
            exit_status, log_text, log_tail, log_since, log_mark, four, connect, rss_kb, cpu_ms,
            txn_logs, snapshots.

free_ports(n) gives n free TCP ports on 127.0.0.1, outside the kernel's range for outgoing
connections.  have(kind) says whether that kind can run here, and why not.

Test programs
-------------
    suite = zk.Suite('kazoo')
    def test_create(server): ...
    suite.run('create makes a node', test_create, server)     # prints ok / FAIL / skip
    suite.skip('needs ensembles', 'no ensemble yet')
    sys.exit(suite.finish())                                   # 'N passed, N failed, N skipped'

A test fails by raising (AssertionError, CheckFailed, any exception) and is skipped by raising
Skipped(why).  On a failure the tail of the log of every server that is alive is printed.
suite.run(name, fn, *args, servers=[...]) limits that to the servers named.
"""

import atexit
import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HOST = '127.0.0.1'
READY_TIMEOUT_S = 60.0
LOG_TAIL_LINES = 40

_live = []          # every server that has a process or a directory to clean up
at_end = []         # what else there is to clean up: functions


class ServerFailed(Exception):
    """A server did not start, did not serve, or died when it should not."""


class CheckFailed(Exception):
    """A check of a test failed; the text says what was expected and what was seen."""


class Skipped(Exception):
    """The test cannot run here; the text says why."""


# ---------------------------------------------------------------------------------------------
# ports and kinds

_ports_given = set()


def free_ports(count):
    """Return `count` TCP ports that are free on 127.0.0.1 now and were not given out before."""
    found = []
    rng = random.Random(os.urandom(8))
    for _ in range(20000):
        if len(found) == count:
            return found
        port = rng.randrange(12000, 32000)
        if port in _ports_given:
            continue
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError:
            continue
        finally:
            probe.close()
        _ports_given.add(port)
        found.append(port)
    raise ServerFailed('no free TCP port on %s' % HOST)


def free_port():
    return free_ports(1)[0]


def jar_dir():
    return os.environ.get('ZK_JAR_DIR', '/usr/share/java')


def rookery_path():
    """Path of the Rookery server: $ROOKERY_SERVER or build/rookery-server of this tree."""
    return os.environ.get('ROOKERY_SERVER') or os.path.join(ROOT, 'build', 'rookery-server')


def have(kind):
    """Return (True, '') if servers of this kind can run here, else (False, why)."""
    if kind == 'apache':
        if shutil.which('java') is None:
            return False, 'no java in PATH'
        jar = os.path.join(jar_dir(), 'zookeeper.jar')
        return (True, '') if os.path.exists(jar) else (False, 'no %s' % jar)
    if kind == 'rookery':
        path = rookery_path()
        return (True, '') if os.access(path, os.X_OK) else (False, 'no %s' % path)
    if kind == 'alt':
        if shutil.which('java') is None:
            return False, 'no java in PATH'
        found = bool(os.environ.get('ZK_ALT_CLASSPATH'))
        return (True, '') if found else (False, 'ZK_ALT_CLASSPATH is not set')
    if kind == 'apache39':
        try:
            return bool(apache39_jars()), ''
        except Skipped as e:
            return False, str(e)
    return False, 'unknown kind of server: %s' % kind


# ---------------------------------------------------------------------------------------------
# Apache ZooKeeper 3.9

APACHE39 = (('org.apache.zookeeper', 'zookeeper', '3.9.4'),
            # What the server needs and does not pull in by itself.
            ('org.slf4j', 'slf4j-simple', '2.0.13'),
            ('io.dropwizard.metrics', 'metrics-core', '4.1.12.1'),
            ('org.xerial.snappy', 'snappy-java', '1.1.10.5'))
_apache39 = None


def build_dir():
    return os.path.join(ROOT, os.environ.get('BUILD') or 'build')


def apache39_jars():
    """The jars of Apache 3.9, fetched once.  Raises Skipped if they cannot be had."""
    global _apache39
    folder = os.path.join(build_dir(), 'apache-' + APACHE39[0][2])
    if not os.path.exists(os.path.join(folder, 'whole')):
        if _apache39 is None:
            _apache39 = _fetch_apache39(folder)
        if _apache39:
            raise Skipped('Apache %s cannot be had: %s' % (APACHE39[0][2], _apache39))
    return sorted(os.path.join(folder, x) for x in os.listdir(folder) if x.endswith('.jar'))


def _fetch_apache39(folder):
    """Why it did not work; '' if it did."""
    if shutil.which('java') is None or shutil.which('mvn') is None:
        return 'no %s in PATH' % ('java' if shutil.which('java') is None else 'mvn')
    os.makedirs(folder, exist_ok=True)
    wanted = ''.join(
        '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>'
        '</dependency>' % x for x in APACHE39)
    with open(os.path.join(folder, 'pom.xml'), 'w') as f:
        f.write('<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId>'
                '<artifactId>local</artifactId><version>1</version><dependencies>%s</dependencies>'
                '</project>' % wanted)
    try:
        done = subprocess.run(
            ['mvn', '-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime',
             '-DoutputDirectory=.'], cwd=folder, stdin=subprocess.DEVNULL, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except subprocess.TimeoutExpired:
        return 'mvn took more than 120 s'
    if done.returncode != 0:
        return ' '.join(done.stdout.split())[:200]
    with open(os.path.join(folder, 'whole'), 'w') as f:
        f.write('\n')
    return ''


# ---------------------------------------------------------------------------------------------
# servers

def _die_with_parent():
    """Runs in the child before exec: the kernel kills it when the test program ends."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """One server process with its directory; see the module text for its use."""

    kind = None

    def __init__(self, conf=None, props=None, env=None, name=None, data_dir=None, port=None,
                 myid=None):
        self.name = name or self.kind
        self.host = HOST
        self.port = port or free_port()
        self.hosts = '%s:%d' % (self.host, self.port)
        self.dir = tempfile.mkdtemp(prefix='rookery-test-%s-' % self.name)
        self.data_dir = data_dir or os.path.join(self.dir, 'data')
        self.conf_path = os.path.join(self.dir, 'zoo.cfg')
        self.log_path = os.path.join(self.dir, 'log')
        self.props = dict(props or {})
        self.env = dict(env or {})
        self.process = None
        self.pid = None
        self.conf = {
            'tickTime': 2000,
            'dataDir': self.data_dir,
            'clientPort': self.port,
            'clientPortAddress': self.host,
            'admin.enableServer': 'false',
            '4lw.commands.whitelist': '*',
            'maxClientCnxns': 0,
        }
        for key, value in (conf or {}).items():
            if value is None:
                self.conf.pop(key, None)
            else:
                self.conf[key] = value
        os.makedirs(self.data_dir, exist_ok=True)
        if myid is not None:
            with open(os.path.join(self.data_dir, 'myid'), 'w') as f:
                f.write('%d\n' % myid)
        _live.append(self)

    # -- to be given by the kinds

    def command(self):
        raise NotImplementedError

    # -- life

    def write_conf(self):
        with open(self.conf_path, 'w') as f:
            for key, value in self.conf.items():
                f.write('%s=%s\n' % (key, value))

    def property_args(self):
        return ['-D%s=%s' % item for item in self.props.items()]

    def start(self, wait=True, timeout_s=READY_TIMEOUT_S):
        """Start the process; with wait, return only once it answers clients."""
        if self.is_running():
            raise ServerFailed('%s is already running' % self.name)
        self.write_conf()
        env = dict(os.environ)
        env.update(self.env)
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                env=env, preexec_fn=_die_with_parent)
        self.pid = self.process.pid
        if wait:
            self.wait_ready(timeout_s)
        return self

    def wait_ready(self, timeout_s=READY_TIMEOUT_S):
        """Wait until the server says over its port that it serves; raise if it does not."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.is_running():
                raise ServerFailed('%s ended with status %s before it served\n%s'
                                   % (self.name, self.process.returncode, self.log_tail()))
            if self._serves():
                return self
            time.sleep(0.03)
        raise ServerFailed('%s does not serve after %.0f s\n%s'
                           % (self.name, timeout_s, self.log_tail()))

    def _serves(self):
        # srvr is always on the whitelist, so this works with every configuration.
        try:
            return 'Mode: ' in self.four('srvr', timeout_s=5)
        except OSError:
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def exit_status(self):
        """Exit status (negative: killed by that signal), None while it runs."""
        return None if self.process is None else self.process.poll()

    def wait_exit(self, timeout_s=30):
        """Wait for the process to end by itself and return its status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ServerFailed('%s still runs after %.0f s\n%s'
                               % (self.name, timeout_s, self.log_tail())) from None

    def kill(self):
        """kill -9 and wait for the end."""
        if self.is_running():
            self.process.kill()
            self.process.wait()
        return self.exit_status()

    def terminate(self, timeout_s=30):
        """SIGTERM; wait; return the exit status.  Raises if it does not end in time."""
        if self.is_running():
            self.process.terminate()
            self.wait_exit(timeout_s)
        return self.exit_status()

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def restart(self, wait=True):
        """kill -9 and start again on the same data."""
        self.kill()
        return self.start(wait)

    def destroy(self):
        self.kill()
        if self in _live:
            _live.remove(self)
        if not os.environ.get('ROOKERY_TEST_KEEP'):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        if not self.is_running():
            self.start()
        return self

    def __exit__(self, *_):
        self.destroy()

    # -- talking to it

    def connect(self, timeout_s=10):
        """A plain connected TCP socket to the client port."""
        sock = socket.create_connection((self.host, self.port), timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def four(self, word, timeout_s=10, raw=False):
        """Send a four-letter word, return the whole answer (text, or bytes with raw)."""
        sock = self.connect(timeout_s)
        answer = b''
        try:
            sock.sendall(word if isinstance(word, bytes) else word.encode())
            while True:
                try:
                    chunk = sock.recv(65536)
                except ConnectionResetError:
                    break
                if not chunk:
                    break
                answer += chunk
        finally:
            sock.close()
        return answer if raw else answer.decode('utf-8', 'replace')

    def srvr(self):
        """The answer of srvr as a dict, e.g. {'Mode': 'standalone', 'Zxid': '0x0', ...}."""
        return dict(line.split(': ', 1) for line in self.four('srvr').splitlines() if ': ' in line)

    # -- looking at it

    def log_text(self):
        try:
            with open(self.log_path, 'rb') as f:
                return f.read().decode('utf-8', 'replace')
        except FileNotFoundError:
            return ''

    def log_mark(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def log_since(self, mark):
        with open(self.log_path, 'rb') as f:
            f.seek(mark)
            return f.read().decode('utf-8', 'replace')

    def log_tail(self, lines=LOG_TAIL_LINES):
        tail = self.log_text().splitlines()[-lines:]
        head = '--- log of %s (%s), last %d lines' % (self.name, self.log_path, len(tail))
        return '\n'.join([head] + ['    ' + line for line in tail])

    def rss_kb(self):
        with open('/proc/%d/status' % self.pid) as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))

    def cpu_ms(self):
        """User and system time used so far by the process, in ms."""
        with open('/proc/%d/stat' % self.pid) as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf('SC_CLK_TCK')

    def _version2(self, prefix, base):
        folder = os.path.join(base, 'version-2')
        if not os.path.isdir(folder):
            return []
        found = [f for f in os.listdir(folder) if re.fullmatch(prefix + r'\.[0-9a-f]+(\.\w+)?', f)]
        found.sort(key=lambda f: int(f.split('.')[1], 16))
        return [os.path.join(folder, f) for f in found]

    def txn_logs(self):
        return self._version2('log', self.conf.get('dataLogDir', self.data_dir))

    def snapshots(self):
        return self._version2('snapshot', self.data_dir)


class ApacheServer(Server):
    """Apache ZooKeeper from Debian's jars."""

    kind = 'apache'
    main_class = 'org.apache.zookeeper.server.ZooKeeperServerMain'
    quorum_main_class = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'

    def class_path(self):
        names = [os.path.join(jar_dir(), name) for name in ('zookeeper.jar', 'slf4j-simple.jar')]
        return ':'.join(name for name in names if os.path.exists(name))

    def command(self):
        is_member = any(key.startswith('server.') for key in self.conf)
        return (['java', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
                 '-Xshare:auto', '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
                 '-Dorg.slf4j.simpleLogger.showDateTime=true',
                 '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS']
                + self.property_args()
                + ['-cp', self.class_path(),
                   self.quorum_main_class if is_member else self.main_class, self.conf_path])


class AltServer(ApacheServer):
    """Apache ZooKeeper of another version, to see which differences are those of the version."""

    kind = 'alt'

    def class_path(self):
        return os.environ['ZK_ALT_CLASSPATH']


class Apache39Server(ApacheServer):
    """Apache ZooKeeper 3.9: its quorum differs in details from 3.8's."""

    kind = 'apache39'

    def class_path(self):
        return ':'.join(apache39_jars())


class RookeryServer(Server):
    """The server of this repository."""

    kind = 'rookery'

    def command(self):
        return [os.path.abspath(rookery_path())] + self.property_args() + [self.conf_path]


KINDS = {'apache': ApacheServer, 'rookery': RookeryServer, 'alt': AltServer,
         'apache39': Apache39Server}


def make(kind, **options):
    """A server of that kind, not started.  Raises Skipped if the kind cannot run here."""
    possible, why = have(kind)
    if not possible:
        raise Skipped(why)
    return KINDS[kind](**options)


def start(kind, **options):
    """A server of that kind, started and serving."""
    server = make(kind, **options)
    try:
        return server.start()
    except BaseException:
        server.destroy()
        raise


def destroy_all():
    """Kill every server this program started and remove their directories."""
    for server in list(_live):
        try:
            server.destroy()
        except OSError:
            pass
    for function in list(at_end):
        function()


def _on_signal(number, _frame):
    destroy_all()
    os._exit(128 + number)


atexit.register(destroy_all)
for _number in (signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_DFL:
        signal.signal(_number, _on_signal)


# ---------------------------------------------------------------------------------------------
# the runner

class Suite:
    """Runs tests, prints one line for each and the sum at the end."""

    def __init__(self, title='', out=None):
        self.title = title
        self.out = out or sys.stdout
        self.passed = self.failed = self.skipped = 0

    def say(self, text):
        print(text, file=self.out, flush=True)

    def ok(self, name):
        self.passed += 1
        self.say('ok %s' % name)

    def fail(self, name, why, servers=None):
        self.failed += 1
        lines = str(why).strip().splitlines() or ['no reason given']
        self.say('FAIL %s: %s' % (name, lines[0]))
        for line in lines[1:]:
            self.say('    ' + line)
        for server in _live if servers is None else servers:
            if server.process is not None:
                state = 'runs' if server.is_running() else 'ended: %s' % server.exit_status()
                self.say('    %s %s' % (server.name, state))
                lines = 12 if server.kind != 'rookery' else LOG_TAIL_LINES
                self.say('    ' + server.log_tail(lines).replace('\n', '\n    '))

    def skip(self, name, why):
        self.skipped += 1
        self.say('skip %s: %s' % (name, why))

    def run(self, name, fn, *args, servers=None, **kwargs):
        """Run one test; return True if it passed."""
        try:
            fn(*args, **kwargs)
        except Skipped as e:
            self.skip(name, e)
            return False
        except (AssertionError, CheckFailed) as e:
            self.fail(name, str(e) or traceback.format_exc(), servers)
            return False
        except Exception as e:      # the test itself broke: that is a failure, with its place
            self.fail(name, '%s: %s\n%s' % (type(e).__name__, e, traceback.format_exc()), servers)
            return False
        self.ok(name)
        return True

    def finish(self):
        """Print the sum and return the exit code."""
        self.say('%d passed, %d failed, %d skipped' % (self.passed, self.failed, self.skipped))
        return 1 if self.failed else 0


def check(condition, text):
    if not condition:
        raise CheckFailed(text)


def check_equal(seen, expected, what=''):
    if seen != expected:
        raise CheckFailed('%s: expected %r, saw %r' % (what or 'values differ', expected, seen))
