"""What the client tests share: the servers they run against, the forwarder, child programs.

    --server apache|rookery     which server the clients talk to (default rookery)

Every test of this room asks for the same configuration, so that what passes on Apache's server is
asked of Rookery in the same words.  Sessions may be as short as a second and containers are looked
at twice a second, so that nothing has to be slept for.
"""

import argparse
import os
import selectors
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'blackbox'))

import zkharness as zk  # noqa: E402

# The configuration of every server here.  Time is in milliseconds.
CONF = {
    'tickTime': 200,
    'minSessionTimeout': 1000,
    'maxSessionTimeout': 60000,
    'extendedTypesEnabled': 'true',
    'enforceQuota': 'true',
    # super:test
    'DigestAuthenticationProvider.superDigest': 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=',
}
# These are bare system properties in Apache's server: they cannot be in zoo.cfg.
PROPS = {'znode.container.checkIntervalMs': '500', 'znode.container.maxPerMinute': '600000'}

PATIENCE_S = 30.0


def parse_args(description, extra=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--server', choices=('apache', 'rookery'), default='rookery')
    parser.add_argument('--only', metavar='TEXT', help='run only tests whose name contains TEXT')
    if extra:
        extra(parser)
    return parser.parse_args()


def make_server(kind, conf=None, props=None, **options):
    if kind == 'rookery':
        possible, why = zk.have(kind)
        if not possible:        # the product itself is no optional extra
            raise zk.ServerFailed(why)
    merged_conf = dict(CONF)
    merged_conf.update(conf or {})
    merged_props = dict(PROPS)
    merged_props.update(props or {})
    return zk.make(kind, conf=merged_conf, props=merged_props, **options)


def reraise(error):
    """So that a server that cannot be had is told of as a test: skipped, or failed."""
    raise error


def wait_until(condition, what, timeout_s=None):
    """Wait until condition() is true and return what it gave; fail after the timeout.

    For state that only polling can show (a child's output file, another server's dump); where an
    event tells of the change the tests wait for the event.
    """
    timeout_s = timeout_s or PATIENCE_S
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise zk.CheckFailed('%s did not happen within %.0f s' % (what, timeout_s))
        time.sleep(0.01)


class Forwarder:
    """A TCP forwarder in front of a server, so that a client's connection can be cut.

    cut()     ends all connections and refuses new ones until heal()
    refuse()  keeps the connections there are, refuses new ones until heal()
    heal()    accepts again, on the same port

    It is at another address than the server: the C library tells servers apart by address alone.
    """

    HOST = '127.0.0.2'

    def __init__(self, server):
        self.target = (server.host, server.port)
        self.port = zk.free_port()
        self.hosts = '%s:%d' % (self.HOST, self.port)
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = None
        self.heal()

    def heal(self):
        with self._lock:
            if self._listener is not None:
                return
            self._listener = socket.create_server((self.HOST, self.port), backlog=64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        with self._lock:
            if self._listener is not None:
                # shutdown, not only close: it is what wakes the thread in accept().
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None

    def cut(self):
        self.refuse()
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._drop(pair)

    close = cut

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, 10)
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self._lock:
                refused = self._listener is not listener
                if not refused:
                    self._pairs.add(pair)
            if refused:
                self._drop(pair)
                continue
            for source, sink in (pair, (server, client)):
                threading.Thread(target=self._pump, args=(pair, source, sink),
                                 daemon=True).start()

    def _pump(self, pair, source, sink):
        try:
            while True:
                chunk = source.recv(65536)
                if not chunk:
                    break
                sink.sendall(chunk)
        except OSError:
            pass
        self._drop(pair)

    def _drop(self, pair):
        with self._lock:
            self._pairs.discard(pair)
        for sock in pair:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


def restart(server, forwarder, while_down=None):
    """kill -9 and start again, with the clients behind the forwarder.

    Rookery takes their attempts to reconnect from its first moment on.  Apache's server now and
    then forgets connections that come while it starts, and a client would sit out its whole
    session timeout on one: its clients are let in once it serves.
    """
    if server.kind == 'apache':
        forwarder.refuse()
    server.kill()
    if while_down:
        while_down()
    server.start()
    forwarder.heal()


def end_in_order(server):
    """SIGTERM after all that was asked of it: the server closes its data and says so with 0."""
    status = server.terminate()
    # Java's runtime reports the signal, whatever the server did about it.
    expected = 143 if server.kind == 'apache' else 0
    zk.check_equal(status, expected, 'exit status after SIGTERM')


def run_reporting_child(suite, command, server, forwarder, timeout_s, env=None, prefix='',
                        asked=None):
    """Run a test program that prints "ok NAME" / "FAIL NAME: why" lines and count them.

    A line "@what" asks for help and is answered with "done": @restart (kill -9 and start),
    @cut, @refuse, @heal (the forwarder).  "@what TEXT" is answered with what asked[what](TEXT) says.
    All other output is kept and shown if the program itself fails.
    """
    actions = {
        'restart': lambda: restart(server, forwarder),
        'cut': forwarder.cut, 'refuse': forwarder.refuse, 'heal': forwarder.heal,
    }
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, bufsize=0, env=env)
    deadline = time.monotonic() + timeout_s
    noise = []
    results = 0
    pending = b''
    timed_out = False
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                timed_out = True
                child.kill()
                break
            chunk = os.read(child.stdout.fileno(), 65536)
            if not chunk:
                break
            pending += chunk
            *lines, pending = pending.split(b'\n')
            for raw in lines:
                line = raw.decode('utf-8', 'replace').rstrip('\r')
                if line.startswith('ok '):
                    suite.ok(prefix + line[3:])
                    results += 1
                elif line.startswith('FAIL '):
                    name, _, why = line[5:].partition(': ')
                    suite.fail(prefix + name, why)
                    results += 1
                elif line.startswith('skip '):
                    name, _, why = line[5:].partition(': ')
                    suite.skip(prefix + name, why)
                    results += 1
                elif line.startswith('@'):
                    what, _, text = line[1:].partition(' ')
                    answer = asked[what](text) if asked and what in asked else actions[what]()
                    child.stdin.write(b'%s\n' % (answer or 'done').encode())
                else:
                    noise.append(line)
    status = child.wait()
    child.stdin.close()
    child.stdout.close()
    tail = '\n'.join(noise[-40:])
    if timed_out:
        suite.fail(prefix + 'program ends', 'no end after %.0f s\n%s' % (timeout_s, tail))
    elif status not in (0, 1) or results == 0:
        suite.fail(prefix + 'program ends', 'ended with status %d after %d results\n%s'
                   % (status, results, tail))
    return results
