#!/usr/bin/python3
"""Rookery and Apache in one ensemble: every role beside every other, every way of catching up, and the
move of a live ensemble from one to the other and back.

    test_mixed.py [--rookery KIND] [--apache KIND] [--only PART-OF-A-NAME] [--seed S]

--rookery apache runs the same with Apache in Rookery's place: that shows what the tests ask for.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history                              # noqa: E402
import zkharness as zk                      # noqa: E402
import zktxn                                # noqa: E402
import zkwire as w                          # noqa: E402
from load import ROOT, Load, Op, Session    # noqa: E402
from test_ensemble import SYNC_S, disturb, repair, wait_for_zombies   # noqa: E402
from zkensemble import Ensemble, Scenarios  # noqa: E402

BEHIND = 700                    # more than what leaders remember: commitLogCount is 500 at least
PROPS = {'zookeeper.commitLogCount': '500'}


class Test:
    def __init__(self, rookery, apache, seed):
        self.kinds = {'R': rookery, 'A': apache, '9': 'apache39'}
        self.seed = seed

    def ensemble(self, letters, name, observers='', **options):
        """Servers by letter, 1 first: R, A, and 9 for Apache 3.9."""
        options.setdefault('props', PROPS)
        return Ensemble([self.kinds[x] for x in letters], observers=[self.kinds[x] for x in observers],
                        proxied=True, name='mixed-%s-%s%s' % (name, letters, observers),
                        start=False, **options)

    def load(self, ens, **options):
        options.setdefault('seed', self.seed)
        load = Load(ens, **options).start()
        load.wait_writes(60)
        return load

    def finish(self, ens, load, more_ops=()):
        ens.net.heal()
        ens.start()
        ens.wait_serving(list(ens), 30)
        load.wait_writes(40)
        expired = load.expired
        ops = load.stop() + list(more_ops)
        wait_for_zombies(ens, load)
        report = history.check(ens, ops, load.zombies)
        zk.check_equal(expired, 0, 'sessions that expired')
        return report.line()


def start_led_by(ens, sid):
    """Of equal zxids the highest sid wins: the wanted leader and one smaller one come first."""
    for member in ens:
        member.initialize()             # two of three may begin with nothing
    first = [ens[sid], ens[1 if sid != 1 else 2]]
    others = [m for m in ens.voters() if m not in first]
    for member in first + others[:len(ens.voters()) // 2 - 1]:
        member.start()
    leader = ens.wait_leader(30)
    zk.check_equal(leader.sid, sid, 'the leader')
    ens.start()
    ens.wait_serving(list(ens), 30)
    zk.check_equal(ens.wait_leader().sid, sid, 'the leader when all are there')
    return leader


def roles_line(ens):
    return ', '.join('%d %s %s' % (m.sid, m.kind, m.role()) for m in ens)


# ---------------------------------------------------------------------------------------------

def composition(t, letters):
    """The last server leads; then each server is killed in turn, the leader first, under load."""
    with t.ensemble(letters, 'roles') as ens:
        start_led_by(ens, len(letters))
        began = roles_line(ens)
        load = t.load(ens)
        outages, leaders = [], []
        for _ in range(3):
            leader = ens.wait_leader()
            leaders.append(leader.kind)
            since = time.monotonic()
            leader.kill()
            load.wait_writes(30)
            outages.append(load.outage_ms(since))
            leader.start()
            ens.wait_serving(list(ens), 30)
            load.wait_writes(10)
        leader = ens.wait_leader()
        for member in ens.others(leader):
            member.kill()
            load.wait_writes(15)
            member.start()
            ens.wait_serving(list(ens), 30)
        ways = sorted({'%s->%s %s' % (ens[s.leader].kind, ens[s.learner].kind, s.kind)
                       for s in ens.net.syncs()})
        line = t.finish(ens, load)
        return '%s; leaders %s killed, writes paused %s ms; %s; %s' % (
            began, leaders, outages, ', '.join(ways), line)


def observers(t, letters, observer):
    with t.ensemble(letters, 'observer', observer) as ens:
        start_led_by(ens, len(letters))
        watcher = ens.observers()[0]
        load = t.load(ens, moves=0.05)
        zk.check_equal(watcher.role(), 'observer', 'role')
        load.wait_writes(10, 30, sid=watcher.sid)
        watcher.kill()
        load.wait_writes(30)
        watcher.start()
        ens.wait_serving(list(ens), 30)
        leader = ens.wait_leader()
        leader.kill()
        load.wait_writes(20)
        leader.start()
        ens.wait_serving(list(ens), 30)
        load.wait_writes(10, 30, sid=watcher.sid)
        how = [s.kind for s in ens.net.syncs() if s.learner == watcher.sid]
        line = t.finish(ens, load)
        return '%s observes %s, brought up to date by %s; %s' % (
            watcher.kind, ens[1].kind, how, line)


# ---------------------------------------------------------------------------------------------
# ways of catching up

def last_sync(ens, learner, since):
    found = [s for s in ens.net.syncs() if s.learner == learner.sid and s.at >= since]
    zk.check(found, 'no leader brought %r up to date' % learner)
    return found[-1]


def fill(session, count, prefix):
    """Many small nodes, pipelined."""
    for start in range(0, count, 100):
        ops = [Op(w.CREATE, '%s/%s%d' % (ROOT, prefix, i), b'x' * 30)
               for i in range(start, min(start + 100, count))]
        zk.check(session.burst(ops, 20), 'the connection ended')
        zk.check(all(op.err == 0 for op in ops), 'creating nodes: %r' % ops[0])


def writer(ens, ops, member=None):
    session = Session('writer', ops, 60000).attach(member or ens.wait_leader())
    session.one(Op(w.CREATE, ROOT))
    return session


def by_diff(t, letters):
    """A learner was away for a few writes."""
    with t.ensemble(letters, 'diff') as ens:
        leader = start_led_by(ens, 3)
        ops = []
        session = writer(ens, ops, leader)
        fill(session, 20, 'a')
        history.settle(ens)             # it has got that far
        learner = ens[1]
        learner.kill()
        fill(session, 50, 'b')
        since = time.monotonic()
        learner.start()
        ens.wait_serving(list(ens), 30)
        sync = last_sync(ens, learner, since)
        zk.check_equal(sync.kind, 'DIFF', 'how %r was brought up to date' % learner)
        fill(session, 20, 'c')
        session.close()
        report = history.check(ens, ops)
        return '%s led, %s was at 0x%x of 0x%x: %s; %s' % (
            leader.kind, learner.kind, sync.claimed, sync.zxid, sync.kind, report.line())


def by_snap(t, letters, is_wiped):
    """A learner was away for more than the leader remembers, or lost its disk."""
    # Without that Apache makes a DIFF of its log files.
    with t.ensemble(letters, 'snap', props=dict(PROPS, **{'zookeeper.snapshotSizeFactor': '-1'})) as ens:
        leader = start_led_by(ens, 3)
        ops = []
        session = writer(ens, ops, leader)
        fill(session, 20, 'a')
        owner = Session('owner', ops, 60000).attach(leader)
        owner.one(Op(w.CREATE, ROOT + '/mine', b'e', flags=w.EPHEMERAL))
        learner = ens[1]
        learner.kill()
        fill(session, BEHIND, 'b')
        if is_wiped:
            learner.wipe()
        since = time.monotonic()
        learner.start()
        ens.wait_serving(list(ens), 30)
        sync = last_sync(ens, learner, since)
        zk.check_equal(sync.kind, 'SNAP', 'how %r was brought up to date' % learner)
        fill(session, 20, 'c')
        # What the snapshot has to carry besides nodes: the session, which goes on there.
        owner.detach()
        owner.attach(learner)
        zk.check_equal(owner.one(Op(w.SET_DATA, ROOT + '/mine', b'f', 0)).err, 0, 'at the learner')
        # And it must have kept it: killed and started alone it reads the same.
        learner.kill()
        learner.start()
        ens.wait_serving(list(ens), 30)
        owner.detach()
        owner.attach(learner)
        owner.close()
        session.close()
        report = history.check(ens, ops)
        return '%s led, %s was at 0x%x: %s at 0x%x; %s' % (
            leader.kind, learner.kind, sync.claimed, sync.kind, sync.zxid, report.line())


def by_log_files(t, letters):
    """Far behind: the leader reads its own log files for it."""
    with t.ensemble(letters, 'log-files', props=dict(PROPS, **{'zookeeper.snapshotSizeFactor': '0'})) as ens:
        leader = start_led_by(ens, 3)
        ops = []
        session = writer(ens, ops, leader)
        fill(session, 20, 'a')
        learner = ens[1]
        learner.kill()
        fill(session, 2 * BEHIND, 'b')
        since = time.monotonic()
        learner.start()
        ens.wait_serving(list(ens), 30)
        sync = last_sync(ens, learner, since)
        zk.check_equal(sync.kind, 'DIFF', 'how %r was brought up to date' % learner)
        learner.kill()
        learner.start()
        ens.wait_serving(list(ens), 30)
        session.close()
        report = history.check(ens, ops)
        return '%s led, %s was at 0x%x: %s to 0x%x; %s' % (
            leader.kind, learner.kind, sync.claimed, sync.kind, sync.zxid, report.line())


def by_all_of_history(t, letters):
    """A disk was lost, and the leader still remembers everything that ever was."""
    with t.ensemble(letters, 'all') as ens:
        leader = start_led_by(ens, 3)
        ops = []
        session = writer(ens, ops, leader)
        fill(session, 20, 'a')
        learner = ens[1]
        learner.kill()
        fill(session, 50, 'b')
        learner.wipe()
        since = time.monotonic()
        learner.start()
        ens.wait_serving(list(ens), 30)
        sync = last_sync(ens, learner, since)
        zk.check_equal(sync.kind, 'DIFF', 'how %r was brought up to date' % learner)
        learner.kill()
        learner.start()
        ens.wait_serving(list(ens), 30)
        session.close()
        report = history.check(ens, ops)
        return '%s led, %s was at 0x%x: %s to 0x%x; %s' % (
            leader.kind, learner.kind, sync.claimed, sync.kind, sync.zxid, report.line())


def by_trunc(t, letters, has_written):
    """A leader logs a write that nobody else gets, and dies; it comes back to another leader.

    If that one has written meanwhile, cutting would cross an epoch: among our own that is done, else a
    snapshot, or whatever is safe.
    """
    with t.ensemble(letters, 'trunc') as ens:
        old = start_led_by(ens, 3)
        ops = []
        session = writer(ens, ops, old)
        fill(session, 30, 'a')
        history.settle(ens)
        for member in ens.others(old):
            ens.net.block(old.sid, member.sid)
        tail = [Op(w.CREATE, '%s/tail%d' % (ROOT, i), b'only here') for i in range(3)]
        session.burst(tail, 0.3)
        zk.check(all(op.replied is None for op in tail), 'a write without a quorum: %r' % tail)
        ens.wait('the tail is in the log of %r' % old, lambda: any(
            x.type == w.CREATE and b'/tail2' in x.body['path'] for x in zktxn.read_dir(old.data_dir)),
            10)
        old.kill()
        ens.net.heal(reset=True)
        new = ens.wait_leader(30)
        others = [m for m in ens if m is not old]
        ens.wait_serving(others, 30)
        if has_written:
            fill(Session('later', ops, 60000).attach(new), 10, 'b')
        since = time.monotonic()
        old.start()
        ens.wait_serving(list(ens), 30)
        sync = last_sync(ens, old, since)
        if not has_written or (letters == 'RRR' and t.kinds['R'] == 'rookery'):
            zk.check_equal(sync.kind, 'TRUNC', 'how %r was brought up to date' % old)
        after = writer(ens, ops)
        fill(after, 20, 'c')
        # It must also be gone from its disk.
        old.kill()
        old.start()
        ens.wait_serving(list(ens), 30)
        nodes = history.dump(old)
        zk.check(not any(b'/tail' in path for path in nodes), 'what was cut off is back')
        report = history.check(ens, ops)
        return '%s led with a tail of 3, then %s: %s from 0x%x to 0x%x; %s' % (
            old.kind, new.kind, sync.kind, sync.claimed, sync.zxid, report.line())


# ---------------------------------------------------------------------------------------------

def migration(t):
    """Three Apache servers become Rookery one by one, on their data, and go back, under load."""
    with t.ensemble('AAA', 'migration') as ens:
        ens.start()
        ens.wait_serving(list(ens), 30)
        load = t.load(ens, pace_s=0.04)
        steps = []
        for kind in (t.kinds['R'], t.kinds['A']):
            for member in ens:
                since = time.monotonic()
                member.become(kind)
                member.start()
                ens.wait_serving(list(ens), 30)
                load.wait_writes(15)
                steps.append('%d->%s %d ms' % (member.sid, kind, load.outage_ms(since)))
        line = t.finish(ens, load)
        return 'longest pauses of writes: %s; %s' % (', '.join(steps), line)


def crash_migration(t):
    """The same by kill -9: what one kind left behind in a hurry the other must take up."""
    with t.ensemble('ARA', 'crash-migration') as ens:
        ens.start()
        ens.wait_serving(list(ens), 30)
        load = t.load(ens, pace_s=0.04)
        other = {t.kinds['R']: t.kinds['A'], t.kinds['A']: t.kinds['R']}
        steps = []
        for i in range(6):
            member = ens[i % 3 + 1]
            since = time.monotonic()
            member.kill()
            member.become(other[member.kind])
            load.wait_writes(10)
            member.start()
            ens.wait_serving(list(ens), 30)
            steps.append('%d->%s %d ms' % (member.sid, member.kind, load.outage_ms(since)))
        line = t.finish(ens, load)
        return 'longest pauses of writes: %s; %s' % (', '.join(steps), line)


def partition(t, letters):
    """The leader alone with what nobody else has; it comes back late, its packets with it."""
    with t.ensemble(letters, 'partition') as ens:
        leader = start_led_by(ens, 3)
        load = t.load(ens, timeout_ms=20000)
        ens.net.isolate(leader.sid, ens.members)
        new = ens.wait_leader(30, among=ens.others(leader))
        load.wait_writes(30)
        ens.wait_gone(leader, 4 * SYNC_S)
        ens.net.heal()
        ens.wait_serving(list(ens), 30)
        how = [s.kind for s in ens.net.syncs() if s.learner == leader.sid]
        line = t.finish(ens, load)
        return '%s was isolated, %s led, %s on return; %s' % (leader.kind, new.kind, how, line)


def by_chance(t, letters):
    rng = random.Random('%d %s' % (t.seed, letters))
    with t.ensemble(letters, 'chance') as ens:
        ens.start()
        ens.wait_serving(list(ens), 30)
        load = t.load(ens, timeout_ms=60000)
        done = disturb(ens, rng, 14)
        repair(ens)
        line = t.finish(ens, load)
        return '%d faults (%s ...); %s' % (len(done), ', '.join(done[:6]), line)


def scenarios(t):
    found = []
    for letters in ('RAR', 'RRA', 'AAR', 'ARA'):
        found.append(('%s, the last leads' % letters, composition, letters))
    found += [
        ('R observes AAA', observers, 'AAA', 'R'),
        ('A observes RRR', observers, 'RRR', 'A'),
        ('R observes RAA', observers, 'RAA', 'R'),
    ]
    for letters, way in (('RAA', 'A to R'), ('ARR', 'R to A')):
        found += [
            ('DIFF from ' + way, by_diff, letters),
            ('SNAP from %s, far behind' % way, by_snap, letters, False),
            ('SNAP from %s, empty' % way, by_snap, letters, True),
            ('far behind, from ' + way, by_log_files, letters),
        ]
    for letters, way in (('AAR', 'A to R'), ('RRA', 'R to A')):
        found += [
            ('TRUNC from ' + way, by_trunc, letters, False),
            ('a tail of an older epoch, from ' + way, by_trunc, letters, True),
        ]
    found += [
        ('TRUNC from R to R', by_trunc, 'RRR', False),
        ('a tail of an older epoch, from R to R', by_trunc, 'RRR', True),
        ('far behind, from R to R', by_log_files, 'RRR'),
        ('empty, all of history from R to A', by_all_of_history, 'ARR'),
        ('empty, all of history from R to R', by_all_of_history, 'RRR'),
        ('AAR: the leader is isolated', partition, 'AAR'),
        ('RRA: the leader is isolated', partition, 'RRA'),
        ('five: RARAR, the last leads', composition, 'RARAR'),
        ('RAR: random faults', by_chance, 'RAR'),
        ('ARA: random faults', by_chance, 'ARA'),
        ('RARAR: random faults', by_chance, 'RARAR'),
        ('Apache 3.9: 99R, the last leads', composition, '99R'),
        ('Apache 3.9: RR9, the last leads', composition, 'RR9'),
        ('Apache 3.9: TRUNC from 9 to R', by_trunc, '99R', False),
        ('Apache 3.9: TRUNC from R to 9', by_trunc, 'RR9', False),
        ('Apache 3.9: SNAP from 9 to R', by_snap, 'R99', True),
        ('Apache 3.9: SNAP from R to 9', by_snap, '9RR', True),
        ('migration AAA to RRR and back', migration),
        ('migration by kill -9', crash_migration),
    ]
    return found


def main():
    args = argparse.ArgumentParser(description='Rookery and Apache in one ensemble.')
    args.add_argument('--rookery', default='rookery')
    args.add_argument('--apache', default='apache')
    args.add_argument('--only')
    args.add_argument('--seed', type=int, default=1)
    args = args.parse_args()
    suite = Scenarios('ensembles of %s (R) and %s (A), seed %d' % (args.rookery, args.apache, args.seed),
                      args.only)
    t = Test(args.rookery, args.apache, args.seed)
    for name, fn, *more in scenarios(t):
        suite.run(name, fn, t, *more)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
