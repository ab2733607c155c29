#!/usr/bin/python3
"""The recipes in C against real servers.

    --faults N      of the chaos (15; the full run has 100)
    --seed N        of the chaos (drawn, and printed)
    --kind KIND     of the server for the cases (rookery; or apache)
    --only TEXT     scenarios whose name has it
    --programs DIR  where recipes_cases and recipes_worker are ($BUILD/test/recipes)

The chaos: workers in several processes take a lock, a read-write lock, a semaphore and a latch while
servers are killed, paused and cut off, connections are cut, and workers are stopped and killed. Each
hold is noted with its token and its time. A hold counts as verified if afterwards a quorum said that
its session lives and its node stands: then it stood all the time between. No two verified holds that
exclude one another may overlap, and their tokens must grow with time; whoever did not know that it had
lost the lock is refused by its token. Each has a tree cache beside that, which must be what the server
has whenever it is asked. Afterwards everybody must make progress.
"""

import argparse
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'blackbox'))
import zkensemble as ze         # noqa: E402
import zkharness as zk          # noqa: E402

KINDS = ('lock', 'rwlock', 'semaphore', 'latch')
COUNTED = KINDS + ('cache',)     # comparisons of a cache with the server
LEASES = 2
WORKERS = 5
SESSION_MS = 2000
JARS = ('curator-recipes', 'curator-framework', 'curator-client', 'zookeeper', 'zookeeper-jute', 'slf4j-api',
        'slf4j-nop', 'guava')


# ---------------------------------------------------------------------------------------------
# the judge's file, as in worker.h

HEAD = struct.Struct('<qq')
COUNT = struct.Struct('<qqqqq')
ENTRY = struct.Struct('<iiqqqiiii')
ENTRIES = 200000
SIZE = HEAD.size + COUNT.size * len(COUNTED) + ENTRY.size * ENTRIES


class Hold:
    def __init__(self, values):
        (self.kind, self.is_shared, self.token, self.begin, self.end, self.is_verified, self.refused, self.worker,
         self.is_whole) = values
        self.kind = KINDS[self.kind]


class Judge:
    def __init__(self, folder):
        self.path = os.path.join(folder, 'judge')
        with open(self.path, 'wb') as f:
            f.truncate(SIZE)
        self.file = open(self.path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), SIZE)

    def stop(self):
        self.map[0:8] = struct.pack('<q', 1)

    def counts(self):
        return {kind: dict(zip(('token_max', 'accepted', 'refused', 'acquired', 'errors'),
                               COUNT.unpack_from(self.map, HEAD.size + COUNT.size * i)))
                for i, kind in enumerate(COUNTED)}

    def holds(self):
        count = min(HEAD.unpack_from(self.map, 0)[1], ENTRIES)
        first = HEAD.size + COUNT.size * len(COUNTED)
        holds = [Hold(ENTRY.unpack_from(self.map, first + ENTRY.size * i)) for i in range(count)]
        return [x for x in holds if x.is_whole]

    def close(self):
        self.map.close()
        self.file.close()


def most_at_once(holds):
    """How many of these holds there were at one time."""
    edges = sorted([(x.begin, 1) for x in holds] + [(x.end, -1) for x in holds])
    inside = most = 0
    for _, step in edges:
        inside += step
        most = max(most, inside)
    return most


def violations(holds):
    """What the verified holds say against mutual exclusion; [] if nothing."""
    found = []
    for kind in KINDS:
        sure = sorted((x for x in holds if x.kind == kind and x.is_verified), key=lambda x: x.begin)
        if kind == 'semaphore':
            if most_at_once(sure) > LEASES:
                found.append('%d leases of %d at once' % (most_at_once(sure), LEASES))
            continue
        last, readers_end, readers_token = None, 0, 0
        for x in sure:
            if last is not None and x.begin < last.end:
                found.append('%s: %d of worker %d while %d of worker %d' % (
                    kind, x.token, x.worker, last.token, last.worker))
            if last is not None and x.token <= last.token:
                found.append('%s: token %d after %d' % (kind, x.token, last.token))
            if x.refused:
                found.append('%s: a holder with token %d was refused' % (kind, x.token))
            if x.is_shared:
                readers_end = max(readers_end, x.end)
                readers_token = max(readers_token, x.token)
                continue
            if x.begin < readers_end or x.token <= readers_token:
                found.append('%s: writer %d among readers' % (kind, x.token))
            last = x
    return found


# ---------------------------------------------------------------------------------------------
# scenarios

def program(name):
    return os.path.join(OPTIONS.programs, name)


def cases(suite):
    """Each case of recipes_cases is a test of its own."""
    with zk.start(OPTIONS.kind, conf={'tickTime': 500}) as server:
        done = subprocess.run([program('recipes_cases'), server.hosts] + ([OPTIONS.only] if OPTIONS.only else []),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    said = []
    for line in done.stdout.splitlines():
        verdict, _, name = line.partition(' ')
        if verdict == 'ok':
            suite.ok(name.strip())
        elif verdict == 'FAIL':
            suite.fail(name.strip(), '\n'.join(said), [])
        if verdict in ('ok', 'FAIL'):
            said = []
        else:
            said.append(line)
    if ' passed, ' not in done.stdout:
        suite.fail('recipes_cases ended early', done.stdout[-2000:], [])


def judge_sees():
    """That the judge finds what it is there for."""
    def hold(kind, token, begin, end, is_shared=0, refused=0):
        return Hold((KINDS.index(kind), is_shared, token, begin, end, 1, refused, 1, 1))
    clean = [hold('lock', 1, 0, 10), hold('lock', 2, 11, 20), hold('rwlock', 3, 0, 10, 1),
             hold('rwlock', 4, 5, 12, 1), hold('rwlock', 5, 13, 20), hold('rwlock', 6, 21, 22, 1),
             hold('semaphore', 7, 0, 10), hold('semaphore', 8, 5, 15), hold('semaphore', 9, 11, 20)]
    zk.check_equal(violations(clean), [])
    for bad in ([hold('lock', 1, 0, 10), hold('lock', 2, 9, 20)],
                [hold('latch', 2, 0, 10), hold('latch', 1, 11, 20)],
                [hold('latch', 1, 0, 10), hold('latch', 1, 11, 20)],
                [hold('lock', 1, 0, 10, refused=1)],
                [hold('rwlock', 1, 0, 30, 1), hold('rwlock', 2, 5, 8, 1), hold('rwlock', 3, 29, 40)],
                [hold('rwlock', 1, 0, 10), hold('rwlock', 2, 9, 12, 1)],
                [hold('rwlock', 5, 0, 10, 1), hold('rwlock', 4, 11, 12)],
                [hold('semaphore', n, n, 10) for n in (1, 2, 3)]):
        zk.check(violations(bad), 'not found: %s' % [vars(x) for x in bad])
    return 'eight ways to break a lock'


class Workers:
    def __init__(self, hosts, judge, folder):
        self.hosts, self.judge, self.folder = hosts, judge, folder
        self.processes, self.paused = {}, set()

    def start(self, number):
        log = open(os.path.join(self.folder, 'worker-%d.log' % number), 'ab')
        self.processes[number] = subprocess.Popen(
            [program('recipes_worker'), self.hosts, '/chaos', self.judge.path, str(number), str(SESSION_MS)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def start_all(self):
        for number in range(1, WORKERS + 1):
            self.start(number)

    def check(self):
        for number, process in self.processes.items():
            zk.check(process.poll() is None, 'worker %d ended with status %s\n%s' % (
                number, process.returncode, self.log(number)))

    def log(self, number):
        with open(os.path.join(self.folder, 'worker-%d.log' % number), encoding='utf-8', errors='replace') as f:
            return f.read()[-2000:]

    def finish(self):
        """All are told to stop and must end by themselves."""
        self.judge.stop()
        for number, process in self.processes.items():
            try:
                status = process.wait(30)
            except subprocess.TimeoutExpired:
                raise zk.CheckFailed('worker %d does not end' % number) from None
            zk.check(status == 0, 'worker %d ended with status %s\n%s' % (number, status, self.log(number)))

    def destroy(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_progress(judge, workers, timeout_s, what):
    """Until each kind was taken again by several workers."""
    from_ns = time.monotonic_ns()
    deadline = time.monotonic() + timeout_s
    compared = judge.counts()['cache']['acquired']
    while True:
        workers.check()
        recent = [x for x in judge.holds() if x.begin > from_ns and x.is_verified]
        takers = {kind: len({x.worker for x in recent if x.kind == kind}) for kind in KINDS}
        if min(takers.values()) >= WORKERS - 1 and judge.counts()['cache']['acquired'] >= compared + WORKERS:
            return time.monotonic() - (deadline - timeout_s)
        if time.monotonic() > deadline:
            raise zk.CheckFailed('%s: no progress in %.0f s, takers since: %s' % (what, timeout_s, takers))
        time.sleep(0.1)


def verdict(judge):
    counts, holds = judge.counts(), judge.holds()
    zk.check(not violations(holds), '\n'.join(violations(holds)[:10]))
    errors = {kind: x['errors'] for kind, x in counts.items() if x['errors']}
    zk.check(not errors, 'calls failed as they should not: %s' % errors)
    sure = sum(1 for x in holds if x.is_verified)
    return '%d holds, %d verified, no two at once; %s writes with an older token refused; %d times a cache was right' % (
        len(holds), sure, sum(x['refused'] for x in counts.values()), counts['cache']['acquired'])


def restarts():
    """Contention of five processes on one server that is killed and restarted."""
    folder = tempfile.mkdtemp(prefix='rookery-test-recipes-')
    judge = Judge(folder)
    with zk.start('rookery', conf={'tickTime': 500}) as server:
        workers = Workers(server.hosts, judge, folder)
        try:
            workers.start_all()
            wait_progress(judge, workers, 20, 'at first')
            for pause_s in (0.0, 0.3, 3.0):
                server.kill()
                time.sleep(pause_s)         # the last one: longer than the sessions
                server.start()
                wait_progress(judge, workers, 25, 'after a restart')
            workers.finish()
            return verdict(judge)
        finally:
            workers.destroy()
            judge.close()
            shutil.rmtree(folder, ignore_errors=True)


class Chaos:
    """Faults one by one, each undone after a while; several may overlap."""

    def __init__(self, ens, workers, rng):
        self.ens, self.workers, self.rng = ens, workers, rng
        self.undo = []          # (when, function, what)
        self.done = {}

    def later(self, seconds, fn, key):
        self.undo.append((time.monotonic() + seconds, fn, key))

    def run_undo(self, is_all=False):
        for item in list(self.undo):
            if is_all or item[0] <= time.monotonic():
                self.undo.remove(item)
                item[1]()

    def busy(self):
        return {key for _, _, key in self.undo}

    def kill_server(self):
        member = self.rng.choice([m for m in self.ens if ('server', m.sid) not in self.busy()] or [None])
        if member is None:
            return False
        member.kill()
        self.later(self.rng.uniform(0, 2.5), member.start, ('server', member.sid))
        return True

    def pause_server(self):
        member = self.rng.choice([m for m in self.ens if ('server', m.sid) not in self.busy()] or [None])
        if member is None:
            return False
        member.pause()
        self.later(self.rng.uniform(0.2, 3.5), member.resume, ('server', member.sid))
        return True

    def part_servers(self):
        if 'net' in self.busy():
            return False
        alone = self.rng.choice([1, 2, 3])
        self.ens.net.isolate(alone, [x for x in (1, 2, 3) if x != alone])
        self.later(self.rng.uniform(0.5, 4.0), self.heal, 'net')
        return True

    def part_clients(self):
        """One server, or all, cannot be reached by clients; one way or both."""
        if 'net' in self.busy():
            return False
        for sid in self.rng.choice([[1], [2], [3], [1, 2], [1, 2, 3]]):
            way = self.rng.randrange(3)
            if way != 1:
                self.ens.net.block('c', sid)
            if way != 2:
                self.ens.net.block(sid, 'c')
        self.later(self.rng.uniform(0.3, 4.0), self.heal, 'net')
        return True

    def cut_clients(self):
        self.ens.net.cut('c', self.rng.choice([1, 2, 3]))
        return True

    def heal(self):
        self.ens.net.heal(self.rng.random() < 0.5)

    def stop_worker(self):
        number = self.rng.randrange(1, WORKERS + 1)
        if ('worker', number) in self.busy():
            return False
        process = self.workers.processes[number]
        os.kill(process.pid, signal.SIGSTOP)
        self.later(self.rng.uniform(0.5, 6.0), lambda: os.kill(process.pid, signal.SIGCONT), ('worker', number))
        return True

    def kill_worker(self):
        number = self.rng.randrange(1, WORKERS + 1)
        if ('worker', number) in self.busy():
            return False
        self.workers.processes[number].kill()
        self.workers.processes[number].wait()
        self.workers.start(number)
        return True

    FAULTS = ((kill_server, 5), (pause_server, 3), (part_servers, 4), (part_clients, 4), (cut_clients, 2),
              (stop_worker, 3), (kill_worker, 1))

    def one(self):
        faults, weights = zip(*self.FAULTS)
        while True:
            self.run_undo()
            fault = self.rng.choices(faults, weights)[0]
            if fault(self):
                self.done[fault.__name__] = self.done.get(fault.__name__, 0) + 1
                return
            time.sleep(0.05)


def chaos():
    seed = OPTIONS.seed if OPTIONS.seed is not None else random.randrange(1 << 30)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix='rookery-test-recipes-')
    judge = Judge(folder)
    print('    # seed %d, %d faults' % (seed, OPTIONS.faults), flush=True)
    with ze.Ensemble(['rookery'] * 3, proxied=True, name='recipes') as ens:
        ports = zk.free_ports(3)
        for member, port in zip(ens, ports):
            ens.net.link('c', member.sid, 'client', member.client_port, port)
        ens.wait_serving()
        workers = Workers(','.join('%s:%d' % (zk.HOST, p) for p in ports), judge, folder)
        faults = Chaos(ens, workers, rng)
        try:
            workers.start_all()
            wait_progress(judge, workers, 20, 'before the faults')
            for _ in range(OPTIONS.faults):
                faults.one()
                until = time.monotonic() + rng.uniform(0.1, 3.0)
                while time.monotonic() < until:
                    faults.run_undo()
                    time.sleep(0.02)
            faults.run_undo(is_all=True)
            ens.net.heal(True)
            ens.wait_serving()
            took_s = wait_progress(judge, workers, 30, 'after the faults')
            workers.finish()
            return '%s; %s; all made progress after %.1f s' % (
                verdict(judge), ', '.join('%s %d' % x for x in sorted(faults.done.items())), took_s)
        finally:
            faults.undo = [x for x in faults.undo if x[2][0] == 'worker']
            faults.run_undo(is_all=True)
            workers.destroy()
            judge.close()
            shutil.rmtree(folder, ignore_errors=True)


def turns_with_curator(kind, folder, class_path):
    """Two processes in C and two of Curator's; a file says whether two are inside."""
    count = 60
    with zk.start('rookery', conf={'tickTime': 500}) as server:
        path, busy = '/turns-' + kind, os.path.join(folder, 'busy-' + kind)
        commands = [[program('recipes_worker'), 'turns', kind, server.hosts, path, busy, str(count)],
                    ['java', '-cp', class_path, 'Turns', kind, server.hosts, path, busy, str(count)]] * 2
        running = [subprocess.Popen(x, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for x in commands]
        said = [(x.communicate(timeout=90)[0], x.returncode) for x in running]
        for text, status in said:
            zk.check(status == 0 and 'done' in text, text[-1500:])
    return '%d turns of four processes, two of them Curator\'s' % (4 * count)


def memory():
    """Every seventh allocation of a round fails once (recipes_torture HOSTS 1: every one)."""
    if not os.path.exists(program('recipes_torture')):
        raise zk.Skipped('a build with sanitizers')
    with zk.start('rookery', conf={'tickTime': 500}) as server:
        done = subprocess.run([program('recipes_torture'), server.hosts, '7'], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        zk.check(done.returncode == 0 and 'done' in done.stdout, 'status %s\n%s' % (
            done.returncode, done.stdout[-2000:]))
    return done.stdout.strip()


def curator(suite):
    names = ['turns with Curator: ' + x for x in ('lock', 'rwlock', 'semaphore')]
    jars = [os.path.join(zk.jar_dir(), x + '.jar') for x in JARS]
    missing = [x for x in jars if not os.path.exists(x)]
    if missing or shutil.which('javac') is None:
        for name in names:
            suite.skip(name, 'no %s' % (missing[0] if missing else 'javac'))
        return
    folder = tempfile.mkdtemp(prefix='rookery-test-turns-')
    class_path = ':'.join(jars + sorted(
        os.path.join(zk.jar_dir(), x) for x in os.listdir(zk.jar_dir()) if x.startswith('netty'))) + ':' + folder
    done = subprocess.run(['javac', '-cp', class_path, '-d', folder, os.path.join(HERE, 'Turns.java')],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        suite.fail('Turns.java compiles', done.stderr[-2000:], [])
    else:
        for name in names:
            suite.run(name, turns_with_curator, name.split(': ')[1], folder, class_path)
    shutil.rmtree(folder, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--faults', type=int, default=15)
    parser.add_argument('--seed', type=int)
    parser.add_argument('--kind', default='rookery')
    parser.add_argument('--only', default='')
    parser.add_argument('--programs', default=os.path.join(zk.build_dir(), 'test', 'recipes'))
    return parser.parse_args()


def main():
    suite = ze.Scenarios('recipes')
    only = OPTIONS.only
    if only not in ('chaos', 'restarts', 'curator', 'memory'):
        cases(suite)
    suite.run('the judge sees what is wrong', judge_sees)
    if only in ('', 'restarts'):
        suite.run('five processes and a server that is restarted', restarts)
    if only in ('', 'memory'):
        suite.run('memory that runs out', memory)
    if only in ('', 'curator'):
        curator(suite)
    if only in ('', 'chaos'):
        suite.run('chaos of a 3-server ensemble', chaos)
    return suite.finish()


if __name__ == '__main__':
    OPTIONS = arguments()
    sys.exit(main())
