#!/usr/bin/python3
"""Ensembles of real processes under faults, with every client's history checked.

    test_ensemble.py [--kind rookery|apache|apache39] [--only PART-OF-A-NAME] [--seed S]

All servers are of one kind (mixed ones: test_mixed.py).  Running it on Apache shows that the harness
is right.  Each scenario starts an ensemble whose servers talk through zkproxy, puts load.Load on it,
breaks something, repairs it, and has history.check judge all that clients and servers have.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history                              # noqa: E402
import zkharness as zk                      # noqa: E402
import zkwire as w                          # noqa: E402
from load import ROOT, Load, Op, Session    # noqa: E402
from zkensemble import CONF, TICK_MS, Ensemble, Scenarios   # noqa: E402

SYNC_S = CONF['syncLimit'] * TICK_MS / 1000.0
FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'


class Test:
    """What the scenarios share: the kind under test and how an ensemble begins and ends."""

    def __init__(self, kind, seed):
        self.kind, self.seed = kind, seed

    def ensemble(self, size, name, observers=0, **options):
        return Ensemble([self.kind] * size, observers=[self.kind] * observers, proxied=True,
                        name='%s-%s' % (self.kind, name), **options)

    def load(self, ens, **options):
        options.setdefault('seed', self.seed)
        ens.wait_serving()
        load = Load(ens, **options).start()
        load.wait_writes(60)
        return load

    def finish(self, ens, load, more_ops=(), keeps_sessions=False):
        """Everything works again; the load ends; the verdict."""
        ens.net.heal()
        for member in ens:
            if member.is_paused:
                member.resume()
        ens.start()
        ens.wait_serving(list(ens))
        load.wait_writes(60)
        expired = load.expired
        ops = load.stop() + list(more_ops)
        wait_for_zombies(ens, load)
        report = history.check(ens, ops, load.zombies)
        if keeps_sessions:
            zk.check_equal(expired, 0, 'sessions that expired')
        return report.line() + ', %d sessions expired' % expired


def wait_for_zombies(ens, load):
    """Sessions that nobody keeps alive end, and their nodes with them."""
    seen = ['nothing']

    def gone():
        try:
            session = Session('looks', []).attach(ens.alive()[0])
            session.one(Op(w.SYNC, ROOT))
            seen[0] = session.one(Op(w.GET_CHILDREN2, ROOT + '/e')).value[0]
            session.close()
            return not any(name.startswith(b'zombie') for name in seen[0])
        except OSError as e:
            seen[0] = e
            return False
    if load.zombies:
        try:
            ens.wait('the ephemerals of dead sessions go', gone, 15, 0.1)
        except zk.CheckFailed as e:
            raise zk.CheckFailed('%s; last seen: %r; sessions %s' % (
                e, seen[0], ['0x%x' % x for x in load.zombies])) from None


# ---------------------------------------------------------------------------------------------
# servers that end

def kill_leader(t, size):
    with t.ensemble(size, 'kill-leader-%d' % size) as ens:
        load = t.load(ens)
        outages = []
        for _ in range(3):
            leader = ens.wait_leader()
            since = time.monotonic()
            leader.kill()
            load.wait_writes(40)
            outages.append(load.outage_ms(since))
            leader.start()
            ens.wait_serving()
            load.wait_writes(20)
        line = t.finish(ens, load, keeps_sessions=True)
        return 'writes paused %s ms; %s' % (outages, line)


def kill_follower(t, size):
    with t.ensemble(size, 'kill-follower-%d' % size) as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        down = (size - 1) // 2
        since = time.monotonic()
        for member in ens.others(leader)[:down]:
            member.kill()
        load.wait_writes(150)
        outage = load.outage_ms(since)
        zk.check_equal(ens.wait_leader(), leader, 'the leader while %d followers are dead' % down)
        for member in ens.others(leader):
            if not member.is_running():
                member.start()
        ens.wait_serving()
        line = t.finish(ens, load, keeps_sessions=True)
        return '%d of %d killed, longest pause of writes %d ms; %s' % (down, size, outage, line)


def kill_all(t, size):
    with t.ensemble(size, 'kill-all-%d' % size) as ens:
        load = t.load(ens)
        times = []
        for _ in range(2):
            for member in ens:
                member.kill()
            since = time.monotonic()
            ens.start()
            load.wait_writes(40)
            times.append(load.outage_ms(since))
            ens.wait_serving()
        line = t.finish(ens, load)
        return 'all killed twice, writes after %s ms; %s' % (times, line)


def kill_two_at_once(t):
    """Leader and one more: what is left must still be a quorum, and elect."""
    with t.ensemble(5, 'kill-two') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        other = ens.others(leader)[0]
        since = time.monotonic()
        leader.kill()
        other.kill()
        load.wait_writes(60)
        outage = load.outage_ms(since)
        line = t.finish(ens, load, keeps_sessions=True)
        return 'writes paused %d ms; %s' % (outage, line)


def no_quorum(t):
    """Two of three are dead: no write succeeds, nobody serves; then they come back."""
    with t.ensemble(3, 'no-quorum') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        for member in ens.others(leader):
            member.kill()
        ens.wait_gone(leader, 3 * SYNC_S)
        since = time.monotonic()
        time.sleep(1.0)
        done = load.acked(since)
        zk.check(not done, 'written without a quorum: %r' % done[:1])
        line = t.finish(ens, load)
        return 'the last server refused; %s' % line


def rolling_restart(t, size):
    with t.ensemble(size, 'rolling-%d' % size) as ens:
        load = t.load(ens)
        outages = []
        for member in ens:
            since = time.monotonic()
            status = member.terminate()
            zk.check(status in (0, -15, 143), '%r ended with %s at SIGTERM' % (member, status))
            load.wait_writes(20)
            member.start()
            ens.wait_serving()
            load.wait_writes(20)
            outages.append(load.outage_ms(since))
        line = t.finish(ens, load, keeps_sessions=True)
        return 'longest pauses of writes %s ms; %s' % (outages, line)


def hand_over(t):
    """SIGTERM to the leader: how long until writes flow."""
    with t.ensemble(3, 'hand-over') as ens:
        load = t.load(ens)
        pauses, ends = [], []
        for _ in range(3):
            leader = ens.wait_leader()
            since = time.monotonic()
            status = leader.terminate()
            ends.append(int(1000 * (time.monotonic() - since)))
            zk.check(status in (0, -15, 143), 'SIGTERM: status %s' % status)
            load.wait_writes(30)
            pauses.append(load.outage_ms(since))
            leader.start()
            ens.wait_serving()
        line = t.finish(ens, load, keeps_sessions=True)
        return 'writes paused %s ms, the leader ended within %s ms; %s' % (pauses, ends, line)


def wiped_follower(t):
    """A follower comes back without its disk: it must not count for what it has lost."""
    with t.ensemble(3, 'wiped') as ens:
        load = t.load(ens)
        follower = ens.others(ens.wait_leader())[0]
        follower.kill()
        load.wait_writes(50)
        follower.wipe()
        follower.start()
        ens.wait_serving()
        load.wait_writes(30)
        how = [s.kind for s in ens.net.syncs() if s.learner == follower.sid]
        leader = ens.wait_leader()
        leader.kill()
        load.wait_writes(30)
        line = t.finish(ens, load, keeps_sessions=True)
        return 'brought back by %s, then the leader killed; %s' % (how[-1], line)


def observer(t):
    """Observers serve and forward, and count for nothing."""
    with t.ensemble(3, 'observer', observers=1) as ens:
        load = t.load(ens)
        watcher = ens.observers()[0]
        zk.check_equal(watcher.role(), 'observer', 'role')
        load.wait_writes(10, sid=watcher.sid, timeout_s=30)
        watcher.kill()
        load.wait_writes(40)
        watcher.start()
        ens.wait_serving()
        leader = ens.wait_leader()
        leader.kill()
        since = time.monotonic()
        load.wait_writes(40)
        outage = load.outage_ms(since)
        line = t.finish(ens, load, keeps_sessions=True)
        return 'killed and back, leader killed (%d ms); %s' % (outage, line)


# ---------------------------------------------------------------------------------------------
# servers that sleep

def stopped_leader(t):
    """The leader sleeps for twice syncLimit; what it then says must not be stale success."""
    with t.ensemble(3, 'stopped') as ens:
        load = t.load(ens, members=None)
        leader = ens.wait_leader()
        ops = []
        session = Session('at the old leader', ops, 30000).attach(leader)
        session.one(Op(w.CREATE, ROOT + '/stale', b'before'))
        leader.pause()
        asked = [Op(w.SYNC, ROOT), Op(w.GET_DATA, ROOT + '/stale'),
                 Op(w.SET_DATA, ROOT + '/stale', b'by the old leader', 1),
                 Op(w.GET_DATA, ROOT + '/stale')]
        ended = []
        thread = threading.Thread(target=lambda: ended.append(session.burst(asked, 30)))
        thread.start()
        begin = time.monotonic()
        new = ens.wait_leader(among=ens.others(leader))
        elected = time.monotonic() - begin
        other = Session('at the new leader', ops, 30000).attach(new)
        newer = other.one(Op(w.SET_DATA, ROOT + '/stale', b'newer', 0))
        zk.check_equal(newer.err, 0, 'writing at the new leader')
        load.wait_writes(30)
        time.sleep(max(0.0, begin + 2 * SYNC_S - time.monotonic()))
        leader.resume()
        thread.join(35)
        asked[1].synced = asked[0].called if asked[0].err == 0 else None
        said = ['%s: %s' % (w.OP_NAMES[op.op], 'nothing' if op.replied is None else op.err)
                for op in asked]
        zk.check(asked[2].replied is None or asked[2].err != 0 or asked[2].zxid > newer.zxid,
                 'the old leader acknowledged a write: %r' % asked[2])
        stale = [op for op in (asked[1], asked[3]) if op.err == 0 and op.zxid < newer.zxid]
        if stale and t.kind == 'rookery':
            raise zk.CheckFailed('a read at the old leader after %.1f s of sleep, %s: %r' % (
                2 * SYNC_S, said, stale))
        other.close()
        line = t.finish(ens, load, ops)
        return 'new leader after %.1f s; the old one said %s (%d stale reads); %s' % (
            elected, said, len(stale), line)


def stopped_follower(t):
    with t.ensemble(3, 'stopped-follower') as ens:
        load = t.load(ens)
        follower = ens.others(ens.wait_leader())[0]
        follower.pause()
        since = time.monotonic()
        time.sleep(2 * SYNC_S)
        count = len(load.acked(since))
        zk.check(count > 20, 'only %d writes while a follower slept' % count)
        follower.resume()
        line = t.finish(ens, load, keeps_sessions=True)
        return '%d writes meanwhile; %s' % (count, line)


def clock_steps(t):
    """The leader's and a follower's wall clock jump: nobody is elected, nothing expires."""
    if not os.path.exists(FAKETIME):
        raise zk.Skipped('no libfaketime (Debian package faketime)')
    if t.kind != 'rookery':
        raise zk.Skipped('a JVM does not run under libfaketime')
    folder = tempfile.mkdtemp(prefix='rookery-test-clock-')
    files = {sid: os.path.join(folder, 'clock%d' % sid) for sid in (1, 2, 3)}
    for path in files.values():
        step(path, 0)
    members = {sid: {'env': {'LD_PRELOAD': FAKETIME, 'FAKETIME_TIMESTAMP_FILE': path,
                             'FAKETIME_CACHE_DURATION': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}}
               for sid, path in files.items()}
    try:
        with t.ensemble(3, 'clock', members=members) as ens:
            load = t.load(ens, zombies=0)
            leader = ens.wait_leader()
            follower = ens.others(leader)[0]
            since = time.monotonic()
            for member, seconds in ((leader, 3600), (follower, -7200), (leader, -3600),
                                    (leader, 0), (follower, 0)):
                step(files[member.sid], seconds)
                time.sleep(1.1)         # so long the library believes the old one
                load.wait_writes(40)
            outage = load.outage_ms(since)
            zk.check_equal(ens.wait_leader(), leader, 'leader after the steps')
            line = t.finish(ens, load, keeps_sessions=True)
            return 'steps of -2 to +1 hours, longest pause of writes %d ms; %s' % (outage, line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def step(path, seconds):
    with open(path + '.new', 'w') as f:
        f.write('%+d\n' % seconds)
    os.rename(path + '.new', path)


# ---------------------------------------------------------------------------------------------
# the network

def wait_other_leader(ens, old):
    return ens.wait_leader(among=ens.others(old))


def isolated_leader(t, is_reset):
    with t.ensemble(3, 'isolated-%s' % ('reset' if is_reset else 'late')) as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        begin = time.monotonic()
        ens.net.isolate(leader.sid, ens.members)
        wait_other_leader(ens, leader)
        elected = time.monotonic() - begin
        load.wait_writes(40)
        ens.wait_gone(leader, 3 * SYNC_S)
        ens.net.heal(reset=is_reset)
        line = t.finish(ens, load)
        return 'new leader after %.1f s, the old one stepped down; %s' % (elected, line)


def one_way(t, who):
    """The leader is heard and hears nothing, or the reverse."""
    with t.ensemble(3, 'one-way-%s' % who) as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        begin = time.monotonic()
        for member in ens.others(leader):
            if who == 'mute':
                ens.net.block(leader.sid, member.sid)
            else:
                ens.net.block(member.sid, leader.sid)
        if who == 'mute':
            wait_other_leader(ens, leader)
        ens.wait_gone(leader, 4 * SYNC_S)
        gone = time.monotonic() - begin
        time.sleep(SYNC_S)
        ens.net.heal()
        line = t.finish(ens, load)
        return 'the %s leader stepped down within %.1f s; %s' % (who, gone, line)


def isolated_follower(t):
    with t.ensemble(3, 'isolated-follower') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        follower = ens.others(leader)[0]
        since = time.monotonic()
        ens.net.isolate(follower.sid, ens.members)
        ens.wait_gone(follower, 3 * SYNC_S)
        gone = time.monotonic() - since
        load.wait_writes(40)
        outage = load.outage_ms(since)
        ens.net.heal()
        ens.wait_serving()
        zk.check_equal(ens.wait_leader(), leader, 'leader after a follower came back')
        line = t.finish(ens, load)
        return 'it stopped serving after %.1f s, writes paused %d ms; %s' % (gone, outage, line)


def bridge(t):
    """1, 2 and 4, 5 see each other only by way of 3, which sees all."""
    with t.ensemble(5, 'bridge') as ens:
        load = t.load(ens)
        since = time.monotonic()
        ens.net.part([1, 2], [4, 5])
        time.sleep(SYNC_S)
        load.wait_writes(60)
        outage = load.outage_ms(since)
        leader = ens.leader()
        ens.net.heal()
        line = t.finish(ens, load)
        return '%s led over the bridge, longest pause of writes %d ms; %s' % (leader, outage, line)


def split_of_five(t):
    """The leader with one follower on one side, three on the other."""
    with t.ensemble(5, 'split') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        others = ens.others(leader)
        few, many = [leader, others[0]], others[1:]
        since = time.monotonic()
        ens.net.part([m.sid for m in few], [m.sid for m in many])
        new = ens.wait_leader(among=many)
        load.wait_writes(40)
        outage = load.outage_ms(since)
        for member in few:
            ens.wait_gone(member, 3 * SYNC_S)
        ens.net.heal()
        line = t.finish(ens, load)
        return 'server %d leads the three, writes paused %d ms; %s' % (new.sid, outage, line)


def resets(t):
    """Connections between servers are reset again and again."""
    with t.ensemble(3, 'resets') as ens:
        load = t.load(ens)
        count = 0
        for i in range(8):
            a, b = ((1, 2), (2, 3), (1, 3))[i % 3]
            count += ens.net.cut(a, b)
            load.wait_writes(15)
        line = t.finish(ens, load)
        return '%d connections reset; %s' % (count, line)


def slow_network(t):
    """One follower behind a trickle, the other behind a delay: the pace is that of the better one."""
    with t.ensemble(3, 'slow-network') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        near, far = ens.others(leader)
        ens.net.delay(leader.sid, near.sid, 15)
        ens.net.delay(near.sid, leader.sid, 15)
        ens.net.trickle(leader.sid, far.sid, 3000)
        since = time.monotonic()
        load.wait_writes(150, 25)
        rate = 150 / (time.monotonic() - since)
        ens.net.heal()
        line = t.finish(ens, load, keeps_sessions=True)
        return '%.0f writes/s meanwhile; %s' % (rate, line)


def half_open(t):
    """A follower's way to the leader is accepted and leads nowhere; later it is whole again."""
    with t.ensemble(3, 'half-open') as ens:
        load = t.load(ens)
        leader = ens.wait_leader()
        follower = ens.others(leader)[0]
        follower.kill()
        ens.net.half_open(follower.sid, leader.sid)
        follower.start()
        load.wait_writes(60)
        zk.check(follower.role() is None, 'it serves without a leader: %s' % follower.role())
        ens.net.half_open(follower.sid, leader.sid, False)
        line = t.finish(ens, load, keeps_sessions=True)
        return 'it came in once the way was free; %s' % line


def damaged_election(t):
    """Bits turn in what servers say to each other about elections."""
    with t.ensemble(3, 'damaged-election') as ens:
        load = t.load(ens)
        rounds = 0
        for after in (0, 9, 45, 70, 130):
            leader = ens.wait_leader()
            a, b = [m.sid for m in ens.others(leader)]
            ens.net.flip(a, b, 'election', after)
            ens.net.flip(b, a, 'election', after + 3)
            leader.kill()
            load.wait_writes(20)
            leader.start()
            ens.wait_serving()
            rounds += 1
        flipped = ens.net.flipped()
        line = t.finish(ens, load)
        return '%d elections, %d bits turned; %s' % (rounds, flipped, line)


# ---------------------------------------------------------------------------------------------
# all of it, by chance

def disturb(ens, rng, seconds):
    """Faults in a random order, several at a time; returns their names."""
    done = []
    end = time.monotonic() + seconds
    sids = sorted(ens.members)
    while time.monotonic() < end:
        what = rng.choice(('kill', 'kill', 'pause', 'isolate', 'one way', 'cut', 'cut', 'delay', 'trickle',
                           'heal', 'heal', 'repair', 'repair', 'terminate', 'wait'))
        a, b = rng.sample(sids, 2)
        done.append(what)
        member = ens[a]
        if what in ('kill', 'terminate', 'pause') and member.is_running() and not member.is_paused:
            getattr(member, what)()
        elif what == 'isolate':
            ens.net.isolate(a, sids)
        elif what == 'one way':
            ens.net.block(a, b)
        elif what == 'cut':
            ens.net.cut(a, b)
        elif what == 'delay':
            ens.net.delay(a, b, rng.choice((5, 50, 400)))
        elif what == 'trickle':
            ens.net.trickle(a, b, rng.choice((500, 5000)))
        elif what == 'heal':
            ens.net.heal(reset=rng.random() < 0.5)
        elif what == 'repair':
            repair(ens)
        ens.check_alive()
        time.sleep(rng.uniform(0.05, 0.9))
    return done


def repair(ens):
    for member in ens:
        if member.is_paused:
            member.resume()
    ens.start()


def by_chance(t, size, round_):
    rng = random.Random(t.seed * 100 + round_)
    with t.ensemble(size, 'chance-%d-%d' % (size, round_)) as ens:
        load = t.load(ens, timeout_ms=20000)
        done = disturb(ens, rng, 13)
        line = t.finish(ens, load)
        return '%d faults (%s ...); %s' % (len(done), ', '.join(done[:6]), line)


# ---------------------------------------------------------------------------------------------
# disks

def shim():
    """The library of failing calls, compiled once per run."""
    source = os.path.join(zk.HERE, 'shim', 'faultfs.c')
    target = os.path.join(zk.build_dir(), 'test-logs', 'faultfs-ensemble.so')
    os.makedirs(os.path.dirname(target), exist_ok=True)
    done = subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', target, source, '-ldl', '-lpthread'],
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise zk.Skipped('the shim does not compile: %s' % done.stderr[:200])
    return target


def slow_disk(t, who):
    folder = tempfile.mkdtemp(prefix='rookery-test-slow-')
    library = shim()
    members = {sid: {'env': {'LD_PRELOAD': library,
                             'FAULTFS_CONTROL': os.path.join(folder, 'rules%d' % sid)}}
               for sid in (1, 2, 3)}
    try:
        with t.ensemble(3, 'slow-disk-' + who, members=members) as ens:
            load = t.load(ens)
            leader = ens.wait_leader()
            slow = leader if who == 'leader' else ens.others(leader)[0]
            rules = os.path.join(folder, 'rules%d' % slow.sid)
            with open(rules + '.new', 'w') as f:
                f.write('fdatasync log. 1 1000000 0 150\n')
            os.rename(rules + '.new', rules)
            load.wait_writes(10)
            since = time.monotonic()
            load.wait_writes(80, 25)
            rate = 80 / (time.monotonic() - since)
            os.remove(rules)
            with open(rules, 'w') as f:
                f.write('\n')
            line = t.finish(ens, load, keeps_sessions=True)
            return '%.0f writes/s while every sync of the %s took 150 ms; %s' % (rate, who, line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def full_disk(t):
    """A follower's file system is full: it must not acknowledge; with space again it comes back."""
    with t.ensemble(3, 'full-disk', start=False, conf={'preAllocSize': 64}) as ens:
        follower = ens[1]
        os.makedirs(follower.data_dir, exist_ok=True)
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'rookery-test',
                               follower.data_dir], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise zk.Skipped('cannot mount a small file system: %s' % done.stderr.strip()[:100])

        def unmount():
            subprocess.run(['umount', '-l', follower.data_dir], check=False)
        zk.at_end.insert(0, unmount)    # should the test be told to end
        try:
            return full_disk_run(t, ens, follower)
        finally:
            zk.at_end.remove(unmount)
            if follower.is_running():
                follower.kill()
            unmount()


def full_disk_run(t, ens, follower):
    ens.start()
    load = t.load(ens)
    filler = os.path.join(follower.data_dir, 'filler')
    fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, bytes(4096))
    except OSError:
        os.close(fd)
    follower.may_end = True
    since = time.monotonic()
    load.wait_writes(200, 25)
    outage = load.outage_ms(since)
    ens.wait('the full one ends or stops serving',
             lambda: not follower.is_running() or follower.role() is None, 15)
    state = 'ended with %s' % follower.server.exit_status() if not follower.is_running() else \
        'stopped serving'
    follower.kill()
    os.remove(filler)
    follower.may_end = False
    # What was half written may hold more than the file system: Apache's restart tells.
    line = t.finish(ens, load, keeps_sessions=True)
    return 'it %s, writes paused %d ms; %s' % (state, outage, line)


# ---------------------------------------------------------------------------------------------
# sessions

def sessions_over_failover(t):
    """Many sessions with ephemerals: the leader dies, each goes on at another server."""
    with t.ensemble(3, 'sessions') as ens:
        ens.wait_serving()
        ops, sessions = [], []
        members = list(ens)
        for i in range(30):
            session = Session(i, ops, 12000).attach(members[i % 3])
            if i == 0:
                session.one(Op(w.CREATE, ROOT))
                session.one(Op(w.CREATE, ROOT + '/e'))
            made = session.one(Op(w.CREATE, '%s/e/s%d' % (ROOT, i), b'x', flags=w.EPHEMERAL))
            zk.check_equal(made.err, 0, 'creating an ephemeral')
            sessions.append(session)
        leader = ens.wait_leader()
        leader.kill()
        begin = time.monotonic()
        live = ens.others(leader)
        for i, session in enumerate(sessions):
            session.detach()
            was = session.session
            reattach(session, live[i % 2])
            zk.check_equal(session.session, was, 'the session')
            changed = session.one(Op(w.SET_DATA, '%s/e/s%d' % (ROOT, i), b'again', 0))
            zk.check_equal(changed.err, 0, 'using the session')
        took = time.monotonic() - begin
        leader.start()
        ens.wait_serving()
        for session in sessions[::2]:
            zk.check(session.close(), 'closing')
        seen = sessions[1].one(Op(w.GET_CHILDREN2, ROOT + '/e')).value[0]
        zk.check_equal(len(seen), 15, 'ephemerals of the sessions that are left')
        for session in sessions[1::2]:
            zk.check(session.close(), 'closing')
        report = history.check(ens, ops)
        return '30 sessions reattached within %.1f s; %s' % (took, report.line())


def reattach(session, member, within_s=10):
    deadline = time.monotonic() + within_s
    while True:
        try:
            return session.attach(member)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.03)


def session_elsewhere(t):
    """A handshake that came late at another server moves a session there: the next write where its client
    is ends the connection without an answer, a multi as well, and the client comes back. Whoever were told
    SESSIONMOVED would go on being told so, with a session that its pings keep alive (ZOOKEEPER-710)."""
    with t.ensemble(3, 'elsewhere') as ens:
        leader = ens.wait_leader()
        ens.wait_serving()
        here, there = ens.others(leader)
        writes = ((w.CREATE, w.create('/a')), (w.MULTI, w.multi([(w.CREATE, w.create('/b'))])))
        for op, body in writes:
            client = w.Client(here, 20000)
            w.Client(there, 20000, client.session, client.password).close()
            zk.check_equal(client.call(op, body), None, 'a write where the session is no more')
            client.close()
            again = w.Client(here, 20000, client.session, client.password)
            zk.check_equal(again.session, client.session, 'the session')
            zk.check_equal(again.call(op, body).err, 0, 'the write after the client came back')
            again.close_session()
    return 'closed without an answer, %d times' % len(writes)


def reads_without_leader(t):
    """readonlymode.enabled: a server alone serves reads to those who asked for that."""
    # Apache has new sessions there only where they are local.
    with t.ensemble(3, 'read-only', props={'readonlymode.enabled': 'true'},
                    conf={'localSessionsEnabled': 'true'}) as ens:
        ens.wait_serving()
        ops = []
        session = Session('writer', ops).attach(ens[1])
        session.one(Op(w.CREATE, ROOT, b'data'))
        session.close()
        history.settle(ens)
        ens[2].kill()
        ens[3].kill()
        ens.wait('server 1 serves reads only', lambda: ens[1].role() == 'read-only', 15)
        reader = Session('reader', ops, read_only=True)
        reattach(reader, ens[1])
        zk.check(reader.is_read_only, 'the session does not know that it is read-only')
        seen = reader.one(Op(w.GET_DATA, ROOT))
        zk.check_equal((seen.err, seen.value and seen.value[0]), (0, b'data'), 'reading')
        refused = Op(w.SET_DATA, ROOT, b'no')
        reader.one(refused)
        zk.check_equal(refused.err, -119, 'writing')
        ops.remove(refused)         # has no place in the order
        try:
            Session('ordinary', [], 4000).attach(ens[1])
            ordinary = 'was taken'
        except OSError:
            ordinary = 'was refused'
        zk.check_equal(ordinary, 'was refused', 'a session that did not ask for read-only')
        ens[2].start()
        ens.wait_serving([ens[1], ens[2]])
        ens[3].start()
        ens.wait_serving()
        reader.detach()
        # Sessions were local: neither they nor what the reader did has a place in the order.
        writer = Session('later', ops).attach(ens[1])
        zk.check_equal(writer.one(Op(w.SET_DATA, ROOT, b'yes')).err, 0, 'writing afterwards')
        writer.close()
        report = history.check(ens, [op for op in ops if op.client != 'reader' and
                                     op.op != w.CLOSE_SESSION])
        return 'read, write refused, ordinary session %s; %s' % (ordinary, report.line())


def scenarios(t):
    return [
        ('3 servers: the leader is killed', kill_leader, 3),
        ('5 servers: the leader is killed', kill_leader, 5),
        ('3 servers: a follower is killed', kill_follower, 3),
        ('5 servers: two followers are killed', kill_follower, 5),
        ('5 servers: the leader and a follower are killed', kill_two_at_once),
        ('3 servers: all are killed at once', kill_all, 3),
        ('5 servers: all are killed at once', kill_all, 5),
        ('two of three are dead', no_quorum),
        ('3 servers: rolling restart', rolling_restart, 3),
        ('5 servers: rolling restart', rolling_restart, 5),
        ('the leader hands over at SIGTERM', hand_over),
        ('a wiped follower comes back', wiped_follower),
        ('an observer', observer),
        ('the leader sleeps for twice syncLimit', stopped_leader),
        ('a follower sleeps for twice syncLimit', stopped_follower),
        ('clocks step', clock_steps),
        ('the leader is isolated; held packets come late', isolated_leader, False),
        ('the leader is isolated; connections are reset', isolated_leader, True),
        ('the leader is not heard', one_way, 'mute'),
        ('the leader hears nothing', one_way, 'deaf'),
        ('a follower is isolated', isolated_follower),
        ('a bridge between two halves', bridge),
        ('the leader is in the smaller part of five', split_of_five),
        ('connections are reset', resets),
        ('slow network', slow_network),
        ('half-open connections', half_open),
        ('damaged election messages', damaged_election),
        ('3 servers: random faults, a', by_chance, 3, 1),
        ('3 servers: random faults, b', by_chance, 3, 2),
        ('5 servers: random faults', by_chance, 5, 3),
        ('slow disk of a follower', slow_disk, 'follower'),
        ('slow disk of the leader', slow_disk, 'leader'),
        ('full disk of a follower', full_disk),
        ('sessions go on over a failover', sessions_over_failover),
        ('a session that was moved to another server', session_elsewhere),
        ('reads without a leader', reads_without_leader),
    ]


def main():
    args = argparse.ArgumentParser(description='Ensembles of one kind under faults.')
    args.add_argument('--kind', default='rookery')
    args.add_argument('--only')
    args.add_argument('--seed', type=int, default=1)
    args = args.parse_args()
    suite = Scenarios('ensembles of %s under faults, seed %d' % (args.kind, args.seed), args.only)
    t = Test(args.kind, args.seed)
    for name, fn, *more in scenarios(t):
        suite.run(name, fn, t, *more)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
