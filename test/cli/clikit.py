"""What the tests of rookery-cli share: running it, a terminal for it, a server that lies.

ROOKERY_CLI=<path> names the program, else it is $BUILD/rookery-cli (build/rookery-cli).
"""

import errno
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'test', 'clients'))

import clientkit as kit  # noqa: E402
from clientkit import zk  # noqa: E402

PATIENCE_S = 20.0


def program():
    return os.environ.get('ROOKERY_CLI') or os.path.join(
        ROOT, os.environ.get('BUILD', 'build'), 'rookery-cli')


def environment(**more):
    """Without what the user of this machine has set."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('ROOKERY_') and k != 'NO_COLOR'}
    env.update(ROOKERY_HISTORY='', TERM='xterm', TZ='UTC', LC_ALL='C.UTF-8')
    env.update(more)
    return env


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return 'status %d, stdout %r, stderr %r' % (self.status, self.out[-2000:], self.err[-2000:])


def run(hosts, *arguments, stdin='', env=None, timeout_s=PATIENCE_S, before=(), raw=False):
    """rookery-cli -server HOSTS arguments; stdin is text or bytes."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    command = [program(), *before] + (['-server', hosts] if hosts else []) + list(arguments)
    done = subprocess.run(command, input=stdin, capture_output=True, env=environment(**(env or {})),
                          timeout=timeout_s, check=False)
    if raw:
        return Done(done.returncode, done.stdout, done.stderr)
    return Done(done.returncode, done.stdout.decode('utf-8', 'replace'),
                done.stderr.decode('utf-8', 'replace'))


def expect(done, status, out=None, err=None):
    """Compares what is given; returns done."""
    same = done.status == status and (out is None or done.out == out) and (
        err is None or done.err == err)
    if not same:
        raise zk.CheckFailed('expected status %r, stdout %r, stderr %r; saw %r'
                             % (status, out, err, done))
    return done


class Terminal:
    """rookery-cli in a pseudo terminal; .text is all it has printed."""

    def __init__(self, *arguments, env=None, rows=40, columns=120):
        import fcntl
        import termios
        path, env = program(), environment(**(env or {}))
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(path, ['rookery-cli'] + list(arguments), env)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.text = ''
        self._pending = b''
        self._seen = 0
        self.status = None

    def _read(self, timeout_s):
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        if not ready:
            return False
        try:
            chunk = os.read(self.fd, 65536)
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            chunk = b''
        if not chunk:
            return None
        self._pending += chunk
        text = self._pending.decode('utf-8', 'ignore')
        self._pending = b''
        self.text += text
        return True

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern, timeout_s=PATIENCE_S):
        """Until the pattern is printed behind what was waited for before; returns the match."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = re.compile(pattern, re.S).search(self.text, self._seen)
            if found:
                self._seen = found.end()
                return found
            left = deadline - time.monotonic()
            if left <= 0 or self._read(left) is None:
                raise zk.CheckFailed('the terminal did not show %r, but %r'
                                     % (pattern, self.text[self._seen:]))

    def command(self, line):
        """Types a line, waits for the next prompt; returns what was printed in between."""
        begin = self._seen
        self.type(line + '\r')
        self.wait(r'\) \d+\] $|\) \d+\] (?=[^\r]*$)')
        return self.text[begin:self._seen]

    def end(self, timeout_s=PATIENCE_S):
        """Waits for the end; returns the exit status."""
        deadline = time.monotonic() + timeout_s
        while self._read(max(0.0, deadline - time.monotonic())):
            pass
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise zk.CheckFailed('rookery-cli did not end; it printed %r' % self.text[-500:])
            else:
                time.sleep(0.01)
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Liar:
    """A server of one's own making: answers each request with what answer(op, body) gives.

    answer returns (error, body), None to say nothing, or 'hang up'.
    """

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=16)
        self.hosts = '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    @staticmethod
    def _recv(sock, count):
        data = b''
        while len(data) < count:
            chunk = sock.recv(count - len(data))
            if not chunk:
                raise OSError('end')
            data += chunk
        return data

    def _serve(self, sock):
        try:
            self._recv(sock, struct.unpack('>i', self._recv(sock, 4))[0])
            reply = struct.pack('>iiq', 0, 30000, 0x1234) + struct.pack('>i', 16) + bytes(16) + b'\0'
            sock.sendall(struct.pack('>i', len(reply)) + reply)
            zxid = 1
            while True:
                frame = self._recv(sock, struct.unpack('>i', self._recv(sock, 4))[0])
                xid, op = struct.unpack('>ii', frame[:8])
                zxid += 1
                said = (0, b'') if op in (11, -11) else self.answer(op, frame[8:])
                if said == 'hang up':
                    break
                if said is None:
                    continue
                payload = struct.pack('>iqi', xid, zxid, said[0]) + said[1]
                sock.sendall(struct.pack('>i', len(payload)) + payload)
                if op == -11:
                    break
        except (OSError, struct.error):
            pass
        sock.close()

    def close(self):
        self.listener.close()


def ustr(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack('>i', len(raw)) + raw


def stat(data_length=0, children=0):
    return struct.pack('>qqqqiiiqiiq', 1, 1, 0, 0, 0, 0, 0, 0, data_length, children, 1)


def free_v6():
    """Whether ::1 is there."""
    try:
        with socket.create_server(('::1', 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def forward_v6(target):
    """A forwarder on [::1]; returns (listener, port)."""
    listener = socket.create_server(('::1', 0), family=socket.AF_INET6)

    def pump(source, sink):
        try:
            while True:
                chunk = source.recv(65536)
                if not chunk:
                    break
                sink.sendall(chunk)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(target)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener, listener.getsockname()[1]
