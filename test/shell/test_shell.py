#!/usr/bin/python3
"""The server as a process: signals, ports, locks, log lines, and hostile or unlucky clients.

Each test runs its own server. One line per test, then `N passed, N failed, N skipped`.
"""

import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'blackbox'))
import zkharness as zk          # noqa: E402
import zkwire as w              # noqa: E402

LINE = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (ERROR|WARN |INFO |DEBUG) [ -~\u00a0-\U0010ffff]+$')


def wait_for(what, fn, timeout_s=10):
    """The first true value of fn."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > deadline:
            raise zk.CheckFailed('%s did not happen within %.0f s' % (what, timeout_s))
        time.sleep(0.02)


def serving(server):
    """Start and wait for the server's own word that it serves."""
    mark = server.log_mark()
    server.start(wait=False)

    def is_up():
        zk.check(server.is_running(), 'the server ended with %s\n%s' % (server.exit_status(), server.log_tail()))
        return ' rookery: serving ' in server.log_since(mark)
    wait_for('serving', is_up, 20)
    return server


def start(conf=None, **options):
    server = zk.make('rookery', conf=conf, **options)
    try:
        return serving(server)
    except BaseException:
        server.destroy()
        raise


def run_to_end(server, timeout_s=20):
    """Start a server that must not come up; its exit status."""
    server.start(wait=False)
    return server.wait_exit(timeout_s)


def ping_ms(client, count=20):
    """The slowest of some pings."""
    worst = 0.0
    for _ in range(count):
        before = time.monotonic()
        client.call(w.PING, xid=-2)
        worst = max(worst, time.monotonic() - before)
    return worst * 1000


def is_reset_or_closed(sock, timeout_s=5):
    sock.settimeout(timeout_s)
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except socket.timeout:
        return False


def try_connect(server):
    """A connected socket; None if the server reset it at once."""
    try:
        return server.connect(5)
    except ConnectionResetError:
        return None


def open_fds(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


# -- start and stop ----------------------------------------------------------------------------


def says_where_it_serves_and_stops_on_sigterm():
    with start() as server:
        line = [x for x in server.log_text().splitlines() if 'rookery: serving' in x][0]
        for part in ('127.0.0.1:%d' % server.port, 'data_dir=', 'last_zxid=0x0', 'recovery_ms=',
                     'pid=%d' % server.pid):
            zk.check(part in line, '%r is not in %r' % (part, line))
        client = w.Client(server)
        zk.check_equal(client.call(w.CREATE, w.create('/a')).err, 0, 'create')
        before = time.monotonic()
        zk.check_equal(server.terminate(), 0, 'exit status')
        zk.check(time.monotonic() - before < 3, 'the stop took %.1f s' % (time.monotonic() - before))
        zk.check(client.wire.recv() is None, 'the connection was not closed')
        zk.check('stopping on SIGTERM' in server.log_text(), 'no line about stopping')


def sigint_stops_and_other_signals_do_not():
    with start() as server:
        os.kill(server.pid, signal.SIGHUP)
        wait_for('the line about SIGHUP', lambda: 'SIGHUP ignored' in server.log_text())
        os.kill(server.pid, signal.SIGUSR2)
        wait_for('the line about SIGUSR2', lambda: 'SIGUSR2 ignored' in server.log_text())
        w.Client(server)
        os.kill(server.pid, signal.SIGINT)
        zk.check_equal(server.wait_exit(10), 0, 'exit status after SIGINT')


def a_stop_under_load_keeps_every_answer():
    """Everything acknowledged before the end is there afterwards, and the stop itself answers."""
    with start() as server:
        acked = [0] * 4
        sent = [0] * 4
        ready = threading.Barrier(5)

        def load(k):
            client = w.Client(server)
            client.call(w.CREATE, w.create('/c%d' % k))
            ready.wait()
            try:
                while sent[k] < 20000:
                    while sent[k] - acked[k] < 50:
                        sent[k] += 1
                        client.post(w.CREATE, w.create('/c%d/%d' % (k, sent[k])))
                    reply = client.take(w.CREATE)
                    if reply is None:
                        return
                    zk.check_equal(reply.err, 0, 'create')
                    acked[k] += 1
            except (ConnectionError, BrokenPipeError):
                pass

        threads = [threading.Thread(target=load, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        ready.wait()
        time.sleep(0.4)
        zk.check_equal(server.terminate(), 0, 'exit status')
        for t in threads:
            t.join(20)
        zk.check(sum(acked) > 0, 'nothing was acknowledged before the stop')
        serving(server)
        client = w.Client(server)
        for k in range(4):
            reply = client.call(w.GET_CHILDREN, w.path_watch('/c%d' % k))
            there = {int(x) for x in reply.value}
            missing = [i for i in range(1, acked[k] + 1) if i not in there]
            zk.check(not missing, 'client %d: acknowledged and lost: %s' % (k, missing[:10]))


def with_stuck_client(server):
    """A client that asked for much and reads nothing, so that answers cannot go out."""
    client = w.Client(server)
    client.call(w.CREATE, w.create('/big', bytes(900000)))
    client.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(40):
        client.post(w.GET_DATA, w.path_watch('/big'))
    time.sleep(0.5)
    return client


def a_stop_does_not_wait_for_ever():
    with start({'rookery.shutdownMs': 700}) as server:
        client = with_stuck_client(server)
        before = time.monotonic()
        zk.check_equal(server.terminate(), 0, 'exit status')
        took = time.monotonic() - before
        zk.check(0.5 < took < 3, 'the stop took %.1f s' % took)
        zk.check('shutdown takes longer than 700 ms' in server.log_text(), 'no line about it')
        client.wire.close()


def a_second_signal_ends_at_once():
    with start({'rookery.shutdownMs': 60000}) as server:
        client = with_stuck_client(server)
        os.kill(server.pid, signal.SIGTERM)
        wait_for('stopping', lambda: 'stopping on SIGTERM' in server.log_text())
        time.sleep(0.3)
        zk.check(server.is_running(), 'the server did not wait for its answers to go out')
        os.kill(server.pid, signal.SIGTERM)
        zk.check_equal(server.wait_exit(3), 128 + signal.SIGTERM, 'exit status')
        client.wire.close()


def a_stopping_server_accepts_nobody():
    with start({'rookery.shutdownMs': 3000}) as server:
        client = with_stuck_client(server)
        os.kill(server.pid, signal.SIGTERM)
        wait_for('stopping', lambda: 'stopping on SIGTERM' in server.log_text())
        time.sleep(0.1)
        try:
            server.connect(2).close()
            raise zk.CheckFailed('a stopping server accepted a connection')
        except ConnectionRefusedError:
            pass
        client.wire.close()


# -- ports, directories, supervisors -----------------------------------------------------------


def member(ports, **options):
    """Server 1 of three, of which the others are not there."""
    conf = {'initLimit': 5, 'syncLimit': 2}
    for sid in (1, 2, 3):
        conf['server.%d' % sid] = '127.0.0.1:%d:%d' % (ports[2 * sid - 2], ports[2 * sid - 1])
    return zk.make('rookery', conf=conf, myid=1, **options)


def a_busy_election_port_ends_with_its_own_status():
    ports = zk.free_ports(6)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(('127.0.0.1', ports[1]))
        taken.listen()
        server = member(ports)
        try:
            before = time.monotonic()
            zk.check_equal(run_to_end(server), 14, 'exit status')
            zk.check(time.monotonic() - before > 1.9, 'it did not try again')
            zk.check('cannot listen on 127.0.0.1:%d (election port): Address already in use' % ports[1]
                     in server.log_text(), 'no line about the port')
            zk.check(not os.path.exists(os.path.join(server.data_dir, 'version-2', 'snapshot.0')), 'it wrote')
        finally:
            server.destroy()


def a_member_that_is_alone_stops_in_order():
    """... with dials to servers under way that are not there."""
    ports = zk.free_ports(6)
    server = member(ports)
    try:
        server.start(wait=False)

        def listens():
            zk.check(server.is_running(), server.log_tail())
            try:
                socket.create_connection(('127.0.0.1', ports[1]), 1).close()
                socket.create_connection(('127.0.0.1', ports[0]), 1).close()
                return True
            except ConnectionRefusedError:
                return False
        wait_for('both ports for other servers', listens)
        os.kill(server.pid, signal.SIGUSR2)
        wait_for('the line about SIGUSR2', lambda: 'SIGUSR2: another leader' in server.log_text())
        before = time.monotonic()
        zk.check_equal(server.terminate(), 0, 'exit status')
        zk.check(time.monotonic() - before < 3, 'the stop took %.1f s' % (time.monotonic() - before))
    finally:
        server.destroy()


def a_busy_port_is_said_and_nothing_is_written():
    with start() as first:
        second = zk.make('rookery', conf={'clientPort': first.port})
        try:
            zk.check_equal(run_to_end(second), 1, 'exit status')
            zk.check('cannot listen on 127.0.0.1:%d: Address already in use' % first.port
                     in second.log_text(), 'no line about the port')
            zk.check_equal(second.txn_logs() + second.snapshots(), [], 'files of the refused server')
        finally:
            second.destroy()
        w.Client(first)


def an_unknown_address_is_said():
    server = zk.make('rookery', conf={'clientPortAddress': '192.0.2.77'})
    try:
        status = run_to_end(server)
        zk.check(status in (1, 2), 'exit status %s' % status)
        zk.check('cannot listen on 192.0.2.77' in server.log_text(), 'no line about the address')
    finally:
        server.destroy()


def a_second_server_on_one_directory_refuses():
    with start() as first:
        second = zk.make('rookery', conf={'dataDir': first.data_dir})
        try:
            zk.check_equal(run_to_end(second), 3, 'exit status')
            text = second.log_text()
            zk.check(first.data_dir in text and str(first.pid) in text,
                     'the line names neither directory nor pid: %s' % text)
        finally:
            second.destroy()
        zk.check_equal(w.Client(first).call(w.CREATE, w.create('/still')).err, 0, 'first server')
        first.kill()
        serving(first)      # kill -9 leaves no lock behind


def a_second_server_on_one_log_directory_refuses():
    logs = tempfile.mkdtemp(prefix='rookery-test-logs-')
    try:
        with start({'dataLogDir': logs}):
            second = zk.make('rookery', conf={'dataLogDir': logs})
            try:
                zk.check_equal(run_to_end(second), 3, 'exit status')
                zk.check(logs in second.log_text(), 'the line does not name the directory')
            finally:
                second.destroy()
    finally:
        subprocess.run(['rm', '-rf', logs], check=False)


def the_journal_gets_priorities():
    ours, theirs = socket.socketpair()
    st = os.fstat(theirs.fileno())
    server = zk.make('rookery')
    try:
        server.write_conf()
        env = dict(os.environ, JOURNAL_STREAM='%d:%d' % (st.st_dev, st.st_ino))
        server.process = subprocess.Popen(server.command(), stderr=theirs, cwd=server.dir, env=env)
        server.pid = server.process.pid
        theirs.close()
        text = b''
        ours.settimeout(10)
        while b'rookery: serving' not in text:
            chunk = ours.recv(65536)
            zk.check(chunk, 'the server ended: %s' % text)
            text += chunk
        zk.check_equal(server.terminate(), 0, 'exit status')
        for line in text.decode().splitlines():
            zk.check(re.match(r'^<[3467]>\D', line), 'not a line for the journal: %r' % line)
    finally:
        server.destroy()
        ours.close()


def systemd_hears_of_ready_and_stopping():
    for abstract in (False, True):
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        folder = tempfile.mkdtemp(prefix='rookery-test-notify-')
        path = '\0rookery-test-%d' % os.getpid() if abstract else os.path.join(folder, 's')
        inbox.bind(path)
        inbox.settimeout(10)
        try:
            with start(env={'NOTIFY_SOCKET': path.replace('\0', '@')}) as server:
                zk.check_equal(inbox.recv(100), b'READY=1', 'first datagram')
                server.terminate()
                zk.check_equal(inbox.recv(100), b'STOPPING=1', 'second datagram')
        finally:
            inbox.close()
            subprocess.run(['rm', '-rf', folder], check=False)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


def handshake(sock):
    wire = w.Wire(sock)
    wire.send(w.connect_request(10000))
    payload = wire.recv(10)
    zk.check(payload is not None and len(payload) == 37, 'no session: %r' % payload)
    return wire


def without_an_address_both_families_are_served():
    if not has_ipv6():
        raise zk.Skipped('this machine has no IPv6')
    with start({'clientPortAddress': None}) as server:
        for host in ('127.0.0.1', '::1'):
            handshake(socket.create_connection((host, server.port), 5))


def several_addresses_are_served():
    second = '::1' if has_ipv6() else '127.0.0.2'
    with start({'clientPortAddress': '127.0.0.1,%s' % second}) as server:
        for host in ('127.0.0.1', second):
            handshake(socket.create_connection((host, server.port), 5))
        zk.check('127.0.0.1:%d, ' % server.port in server.log_text(), 'not both are in the line')


# -- log lines ---------------------------------------------------------------------------------


def lines_are_one_each_and_printable():
    with start({'rookery.log.level': 'debug'}) as server:
        for head in (b'\n\x1b[31', b'\xff\xff\xff\xff', b'a\r\nb', b'\x00\xff\n\n', b'GET /\n'):
            sock = server.connect()
            sock.sendall(head + b'\nFAKE LINE\n')
            is_reset_or_closed(sock)
            sock.close()
        client = w.Client(server)
        client.call(w.CREATE, w.create('/q\nuota'))
        client.call(w.AUTH, w.auth('no\nsuch\x1b[0mscheme', b'x'), xid=-4)
        time.sleep(0.2)
        for line in server.log_text().splitlines():
            zk.check(LINE.match(line), 'not a line of ours: %r' % line)
            zk.check('FAKE LINE' not in line, 'bytes of a client made a line')


def secrets_stay_out_of_the_log():
    with start({'rookery.log.level': 'debug'}) as server:
        client = w.Client(server)
        zk.check_equal(client.call(w.AUTH, w.auth('digest', b'user:hunter2secret'), xid=-4).err, 0, 'auth')
        w.Client(server).call(w.AUTH, w.auth('digest', b'hunter2secret'), xid=-4)
        w.Client(server).call(w.AUTH, w.auth('nosuch', b'hunter2secret'), xid=-4)
        w.Client(server, session=client.session, password=client.password)
        time.sleep(0.2)
        text = server.log_text()
        zk.check('hunter2' not in text, 'auth data is in the log')
        zk.check(client.password.hex() not in text, 'a session password is in the log')


# -- hostile and unlucky clients ---------------------------------------------------------------


def garbage_on_the_port_is_named_and_costs_little():
    with start() as server:
        good = w.Client(server)
        for text, head in (('HTTP request', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
                           ('TLS hello', b'\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03')):
            mark = server.log_mark()
            for _ in range(150):
                sock = server.connect()
                sock.sendall(head)
                zk.check(is_reset_or_closed(sock), '%s: not closed' % text)
                sock.close()
            lines = [x for x in server.log_since(mark).splitlines() if text in x]
            zk.check(1 <= len(lines) <= 20, '%d lines about %s' % (len(lines), text))
            zk.check(ping_ms(good) < 500, 'others wait')
            time.sleep(1.1)
            sock = server.connect()
            sock.sendall(head)
            is_reset_or_closed(sock)
            zk.check('suppressed=' in server.log_since(mark), 'lines held back are not counted')
            time.sleep(1.1)


def slow_talkers_without_a_session_are_dropped():
    with start({'nio.sessionlessCnxnTimeout': 1500}) as server:
        good = w.Client(server)
        hello = w.i32(44) + w.connect_request(10000)
        socks = [server.connect() for _ in range(200)]
        alive = set(socks)
        before = time.monotonic()
        at = 0
        while alive and time.monotonic() - before < 10:
            for sock in list(alive):
                try:
                    sock.send(hello[at:at + 1])
                except OSError:
                    alive.discard(sock)
            at = min(at + 1, 40)
            ready = select.select(list(alive), [], [], 0)[0] if alive else []
            alive.difference_update(ready)
            time.sleep(0.1)
        zk.check(not alive, '%d of 200 are still there after 10 s' % len(alive))
        took = time.monotonic() - before
        zk.check(1 < took < 5, 'they were dropped after %.1f s' % took)
        zk.check(ping_ms(good) < 500, 'others wait')
        lines = [x for x in server.log_text().splitlines() if 'no session after 1500 ms' in x]
        zk.check(1 <= len(lines) <= 10, '%d lines' % len(lines))


def a_flood_of_connections_from_one_address_is_cut():
    with start({'maxClientCnxns': 60}) as server:
        good = w.Client(server)
        socks = [try_connect(server) for _ in range(2000)]
        time.sleep(0.3)
        zk.check(open_fds(server.pid) < 60 + 40, '%d descriptors are open' % open_fds(server.pid))
        zk.check(ping_ms(good) < 500, 'others wait')
        refused = socks.count(None)
        for sock in filter(None, socks):
            sock.settimeout(0.001)
            try:
                sock.recv(1)
            except ConnectionResetError:
                refused += 1
            except OSError:
                pass
            sock.close()
        zk.check(refused >= 2000 - 60, 'only %d were reset' % refused)
        lines = [x for x in server.log_text().splitlines() if 'maxClientCnxns' in x]
        zk.check(1 <= len(lines) <= 30, '%d lines' % len(lines))
        wait_for('room again', lambda: open_fds(server.pid) < 40)
        w.Client(server)


def running_out_of_descriptors_stops_nobody_and_spins_not():
    with start() as server:
        good = w.Client(server)
        good.call(w.CREATE, w.create('/a'))
        limit = open_fds(server.pid) + 20
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        socks = [try_connect(server) for _ in range(150)]
        gone = socks.count(None)
        socks = list(filter(None, socks))
        time.sleep(0.5)
        for sock in socks:
            sock.setblocking(False)
            try:
                sock.recv(1)
            except BlockingIOError:
                continue
            except OSError:
                pass
            gone += 1
        zk.check(gone >= 120, 'only %d of 150 were turned away' % gone)
        before = server.cpu_ms()
        time.sleep(1.5)
        zk.check(server.cpu_ms() - before < 400, 'the server spins: %d ms of 1500' % (server.cpu_ms() - before))
        zk.check(ping_ms(good) < 500, 'the client that was there waits')
        zk.check_equal(good.call(w.SET_DATA, w.set_data('/a', b'x')).err, 0, 'a write')
        lines = [x for x in server.log_text().splitlines() if 'no file descriptor' in x]
        zk.check(1 <= len(lines) <= 20, '%d lines' % len(lines))
        for sock in socks:
            sock.close()
        time.sleep(0.3)
        w.Client(server)


def few_descriptors_at_the_start_mean_few_connections():
    server = zk.make('rookery')
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        server.write_conf()
        log = open(server.log_path, 'ab')
        server.process = subprocess.Popen(
            server.command(), stdout=log, stderr=log, cwd=server.dir,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200)))
        server.pid = server.process.pid
        wait_for('serving', lambda: 'rookery: serving' in server.log_text())
        zk.check('connections_max=135 ' in server.log_text(), 'not in the serving line')
        good = w.Client(server)
        socks = list(filter(None, [try_connect(server) for _ in range(300)]))
        time.sleep(0.3)
        zk.check(open_fds(server.pid) < 200, 'every descriptor is taken')
        # A snapshot and a log roll need descriptors: there are some.
        zk.check_equal(good.call(w.CREATE, w.create('/a')).err, 0, 'a write')
        zk.check('no connection slot left' in server.log_text(), 'no line about the slots')
        for sock in socks:
            sock.close()
        log.close()
    finally:
        server.destroy()
    zk.check_equal(resource.getrlimit(resource.RLIMIT_NOFILE), (soft, hard), 'our own limits')


def clients_that_do_not_read_cost_bounded_memory():
    conf = {'rookery.output.pauseBytes': 1 << 20, 'rookery.output.totalBytes': 64 << 20,
            'rookery.output.stallMs': 2500}
    with start(conf) as server:
        good = w.Client(server)
        good.call(w.CREATE, w.create('/big', bytes(1000000)))
        before_kb = server.rss_kb()
        socks = []
        for _ in range(100):
            wire = handshake(server.connect())
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.sock.setblocking(False)
            socks.append(wire.sock)
        request = w.frame(1, w.GET_DATA, w.path_watch('/big'))
        request = w.i32(len(request)) + request
        worst_kb = 0
        for _ in range(30):
            for sock in socks:
                try:
                    sock.send(request * 10)
                except OSError:
                    pass
            worst_kb = max(worst_kb, server.rss_kb())
            zk.check(ping_ms(good, 2) < 1000, 'others wait')
        grown_mb = (worst_kb - before_kb) / 1024
        zk.check(grown_mb < 64 + 48, 'memory grew by %.0f MB' % grown_mb)
        wait_for('a dropped connection', lambda: 'connection dropped' in server.log_text())
        # Nobody reads: each is dropped for want of progress.
        mark = time.monotonic()
        wait_for('the end of all slow ones', lambda: open_fds(server.pid) < 40, 15)
        zk.check(time.monotonic() - mark < 12, 'it took too long')
        zk.check(ping_ms(good) < 500, 'others wait afterwards')
        for sock in socks:
            sock.close()


def greedy_clients_leave_room_for_modest_ones():
    with start() as server:
        modest = w.Client(server)
        zk.check_equal(modest.call(w.CREATE, w.create('/a', b'x' * 100)).err, 0, 'create')
        stop = threading.Event()
        answered = [0] * 3
        request = w.frame(1, w.GET_DATA, w.path_watch('/a'))
        batch = (w.i32(len(request)) + request) * 2000

        def greedy(k):
            wire = handshake(server.connect())
            sock = wire.sock
            sock.setblocking(False)
            out = b''
            while not stop.is_set():
                readable, writable, _ = select.select([sock], [sock], [], 0.1)
                if writable:
                    out = out or batch
                    out = out[sock.send(out):]
                if readable:
                    answered[k] += len(sock.recv(1 << 20))

        threads = [threading.Thread(target=greedy, args=(k,)) for k in range(3)]
        for t in threads:
            t.start()
        time.sleep(0.5)
        times = []
        for _ in range(200):
            before = time.monotonic()
            zk.check_equal(modest.call(w.GET_DATA, w.path_watch('/a')).err, 0, 'get')
            times.append((time.monotonic() - before) * 1000)
        stop.set()
        for t in threads:
            t.join(10)
        times.sort()
        zk.check(times[len(times) // 2] < 60, 'median wait %.0f ms beside greedy clients' % times[len(times) // 2])
        zk.check(min(answered) > 200000, 'a greedy client starved: %s' % answered)


def a_server_that_stood_still_hears_its_clients_first():
    """Stopped for longer than the session timeout, with pings waiting in the socket."""
    with start({'tickTime': 300}) as server:
        clients = [w.Client(server, timeout_ms=900) for _ in range(20)]
        silent = w.Client(server, timeout_ms=900)
        zk.check_equal(clients[0].call(w.CREATE, w.create('/alive', flags=w.EPHEMERAL)).err, 0, 'create')
        zk.check_equal(silent.call(w.CREATE, w.create('/silent', flags=w.EPHEMERAL)).err, 0, 'create')
        for _ in range(3):
            server.pause()
            for _ in range(10):
                for client in clients:
                    client.post(w.PING, xid=-2)
                time.sleep(0.2)
            server.resume()
            for client in clients:
                for _ in range(10):
                    reply = client.take(w.PING, 5)
                    zk.check(reply is not None, 'a session whose pings were there has expired')
        watcher = clients[1]
        zk.check_equal(watcher.call(w.EXISTS, w.path_watch('/alive')).err, 0, 'its ephemeral')

        def is_silent_gone():
            for client in clients:
                client.call(w.PING, xid=-2)
            return watcher.call(w.EXISTS, w.path_watch('/silent')).err == -101
        wait_for('the end of the silent session', is_silent_gone, 10)


def idle_sessions_are_cheap():
    with start() as server:
        w.Client(server)
        before_kb = server.rss_kb()
        wires = [handshake(server.connect()) for _ in range(2000)]
        each = (server.rss_kb() - before_kb) * 1024 / len(wires)
        zk.check(each <= 4096, 'an idle session costs %.0f bytes' % each)
        print('# an idle session costs %.0f bytes of resident memory' % each)
        for wire in wires:
            wire.close()


def a_full_disk_refuses_writes_and_recovers():
    folder = tempfile.mkdtemp(prefix='rookery-test-full-')
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder],
                             stderr=subprocess.DEVNULL, check=False).returncode == 0
    try:
        if not mounted:
            raise zk.Skipped('no right to mount a small file system here')
        filler = os.path.join(folder, 'filler')
        with start({'dataDir': os.path.join(folder, 'data'), 'preAllocSize': 1024}) as server:
            client = w.Client(server)
            zk.check_equal(client.call(w.CREATE, w.create('/a')).err, 0, 'create')
            with open(filler, 'wb') as f:
                try:
                    while True:
                        f.write(bytes(1 << 16))
                        f.flush()
                except OSError:
                    pass
            version = 0
            errors = 0
            for _ in range(3000):
                reply = client.call(w.SET_DATA, w.set_data('/a', bytes(2000)))
                zk.check(reply is not None, 'the connection was closed')
                if reply.err == 0:
                    zk.check(errors == 0, 'a write went through between refusals')
                    version += 1
                else:
                    errors += 1
                    if errors == 20:
                        break
            zk.check(errors == 20, 'writes were never refused')
            zk.check('no room on the log device' in server.log_text(), 'no line about it')
            reply = client.call(w.GET_DATA, w.path_watch('/a'))
            zk.check_equal((reply.err, reply.value[1].version), (0, version), 'a read while full')
            os.unlink(filler)
            wait_for('room', lambda: 'room on the log device again' in server.log_text())
            zk.check_equal(client.call(w.SET_DATA, w.set_data('/a', b'after')).err, 0, 'write with room')
            server.kill()
            serving(server)
            reply = w.Client(server).call(w.GET_DATA, w.path_watch('/a'))
            zk.check_equal((reply.value[0], reply.value[1].version), (b'after', version + 1), 'after kill -9')
    finally:
        if mounted:
            subprocess.run(['umount', folder], check=False)
        subprocess.run(['rm', '-rf', folder], check=False)


TESTS = [
    says_where_it_serves_and_stops_on_sigterm,
    sigint_stops_and_other_signals_do_not,
    a_stop_under_load_keeps_every_answer,
    a_stop_does_not_wait_for_ever,
    a_second_signal_ends_at_once,
    a_stopping_server_accepts_nobody,
    a_busy_port_is_said_and_nothing_is_written,
    a_busy_election_port_ends_with_its_own_status,
    a_member_that_is_alone_stops_in_order,
    an_unknown_address_is_said,
    a_second_server_on_one_directory_refuses,
    a_second_server_on_one_log_directory_refuses,
    the_journal_gets_priorities,
    systemd_hears_of_ready_and_stopping,
    without_an_address_both_families_are_served,
    several_addresses_are_served,
    lines_are_one_each_and_printable,
    secrets_stay_out_of_the_log,
    garbage_on_the_port_is_named_and_costs_little,
    slow_talkers_without_a_session_are_dropped,
    a_flood_of_connections_from_one_address_is_cut,
    running_out_of_descriptors_stops_nobody_and_spins_not,
    few_descriptors_at_the_start_mean_few_connections,
    clients_that_do_not_read_cost_bounded_memory,
    greedy_clients_leave_room_for_modest_ones,
    a_server_that_stood_still_hears_its_clients_first,
    idle_sessions_are_cheap,
    a_full_disk_refuses_writes_and_recovers,
]


def main():
    suite = zk.Suite('shell')
    chosen = sys.argv[1:]
    for test in TESTS:
        if not chosen or test.__name__ in chosen:
            suite.run(test.__name__.replace('_', ' '), test)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
