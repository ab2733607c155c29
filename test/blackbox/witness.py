#!/usr/bin/python3
"""A well-behaved session that goes on working while others attack, and says how long it waited.

It runs as a process of its own, so that the attacker's work is not counted as the server's.  Every
answer is checked.  Controls (bytes through an echo process, and syncs of a small file one after the
other) tell how slow the machine itself was meanwhile: waits are judged against them.

    witness = Witness(server, 'name')
    witness.mark()              forget what was measured
    seen = witness.report()     a dict: count, worst_ms, p50_ms, noise_ms, fault (text or None)
    witness.stop()
"""

import json
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk          # noqa: E402
import zkwire as w              # noqa: E402


class Witness:
    def __init__(self, server, name='witness', writes=True, timeout_ms=10000):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), server.host, str(server.port), name,
             '1' if writes else '0', str(timeout_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=zk._die_with_parent)
        self.report()

    def _ask(self, word):
        try:
            self.process.stdin.write(word + '\n')
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], 30)[0]:
                raise zk.CheckFailed('the well-behaved session has waited for more than 30 s')
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ''
        if not line:
            raise zk.CheckFailed('the well-behaved session ended')
        return json.loads(line)

    def mark(self):
        self._ask('mark')

    def report(self):
        return self._ask('report')

    def stop(self):
        """The last report; ends the process."""
        last = self._ask('stop')
        self.process.stdin.close()
        self.process.wait(20)
        return last


class Address:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def connect(self):
        sock = socket.create_connection((self.host, self.port), 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


def echo_process():
    """A socket to a process that sends back what it gets."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        zk._die_with_parent()
        ours.close()
        while True:
            data = theirs.recv(100)
            if not data:
                os._exit(0)
            theirs.sendall(data)
    theirs.close()
    return ours


def sync_process():
    """A shared double: the longest sync so far, in ms, of a process that does nothing else."""
    shared = mmap.mmap(-1, 8)
    if os.fork() == 0:
        zk._die_with_parent()
        with tempfile.TemporaryFile() as f:
            while True:
                before = time.monotonic()
                os.pwrite(f.fileno(), bytes(600), 0)
                os.fdatasync(f.fileno())
                took = (time.monotonic() - before) * 1000
                if took > struct.unpack('d', shared[:8])[0]:
                    shared[:8] = struct.pack('d', took)
                time.sleep(0.02)
    return shared


class Worker:
    """One round: write, read back, list, ephemeral, watch; each answer is checked."""

    def __init__(self, address, name, writes, timeout_ms):
        self.client = w.Client(address, timeout_ms=timeout_ms)
        self.base = '/' + name
        self.writes = writes
        self.round = 0
        self.waits, self.fault = [], None
        self.version = -1
        reply = self.client.call(w.CREATE, w.create(self.base, b'0'))
        if reply.err not in (0, -110):
            raise zk.CheckFailed('create: %d' % reply.err)
        self.version = self.call(w.EXISTS, w.path_watch(self.base)).value.version

    def call(self, op, body, want=0):
        before = time.monotonic()
        reply = self.client.call(op, body, timeout_s=25)
        self.waits.append(((time.monotonic() - before) * 1000, w.OP_NAMES[op]))
        if reply is None:
            raise zk.CheckFailed('the connection was closed at %s' % w.OP_NAMES[op])
        if reply.xid != self.client.xid or reply.err != want or reply.problem:
            raise zk.CheckFailed('%s answered %s' % (
                w.OP_NAMES[op], w.describe_reply(op, reply.payload)))
        return reply

    def step(self):
        self.round += 1
        if not self.writes:
            reply = self.call(w.GET_DATA, w.path_watch(self.base))
            zk.check_equal(reply.value[1].version, self.version, 'version')
            return
        text, temp = b'round %d' % self.round, self.base + '/e'
        self.client.events.clear()
        self.call(w.GET_DATA, w.path_watch(self.base, True))
        stat = self.call(w.SET_DATA, w.set_data(self.base, text, self.version)).value
        zk.check_equal([e.value[0] for e in self.client.events], [3], 'events of the write')
        self.version = stat.version
        data, stat = self.call(w.GET_DATA, w.path_watch(self.base)).value
        zk.check_equal((data, stat.version), (text, self.version), 'what was written')
        self.call(w.CREATE, w.create(temp, text, flags=w.EPHEMERAL))
        zk.check_equal(self.call(w.GET_CHILDREN, w.path_watch(self.base)).value, [b'e'], 'children')
        zk.check_equal(self.call(w.EXISTS, w.path_watch(temp)).value.owner, self.client.session,
                       'owner')
        self.call(w.DELETE, w.path_version(temp))


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def serve():
    host, port, name, writes, timeout_ms = sys.argv[1:]
    echo, syncs = echo_process(), sync_process()    # as the server: of no special priority
    try:
        os.nice(-5)     # so that it measures the server, not the attacker's use of the processor
    except OSError:
        pass
    worker = Worker(Address(host, int(port)), name, writes == '1', int(timeout_ms))
    noise, count = 0.0, 0
    while True:
        if select.select([sys.stdin], [], [], 0.002)[0]:
            word = sys.stdin.readline().strip()
            if not word:
                return
            waits = [x[0] for x in worker.waits]
            noise = max(noise, struct.unpack('d', syncs[:8])[0])
            print(json.dumps({
                'count': len(waits), 'worst_ms': max(waits, default=0.0), 'noise_ms': noise,
                'worst_op': max(worker.waits, default=(0, ''))[1],
                'p50_ms': percentile(waits, 0.5), 'p99_ms': percentile(waits, 0.99),
                'fault': worker.fault}), flush=True)
            if word == 'mark':
                noise = 0.0
                syncs[:8] = bytes(8)
                worker.waits.clear()
            if word == 'stop':
                return
        if worker.fault:
            continue
        before = time.monotonic()
        echo.sendall(b'x' * 60)
        echo.recv(100)
        noise = max(noise, (time.monotonic() - before) * 1000)
        try:
            worker.step()
        except (zk.CheckFailed, w.Timeout, OSError, AttributeError) as e:
            worker.fault = '%s: %s' % (type(e).__name__, e)


if __name__ == '__main__':
    serve()
