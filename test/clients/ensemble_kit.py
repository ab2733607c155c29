"""Three servers of an ensemble in the place of the one that the client tests know, and their killer.

    servers = Three(kind, seed)     # started and serving; .hosts names all three
    servers.begin_kills()           # kill -9 of one at a time, leader included, until finish()
    run_again(suite, name, attempt, servers)
    finish(suite, servers)

A test that fails while a server was down or coming back is run again, a few times, and each time is
printed with its reason: the calls of these tests are not idempotent, so a lost connection may leave
any of them in the middle.  Whatever fails while all three served counts at once, and so does what a
lost connection cannot excuse (INEXCUSABLE).

The clients of one attempt are given the three servers in the same order, so that they are at the
same one: what a client at one server wrote need not be there yet for a client at another.
"""

import os
import random
import re
import shutil
import subprocess
import threading
import time

import clientkit as kit
from clientkit import zk
from zkensemble import Ensemble

ATTEMPTS = 12
PATIENCE_S = 12.0
PAUSE_S = (1.0, 3.0)            # between two kills
DOWN_S = (0.1, 0.8)
BACK_S = 20.0                   # a killed server serves again by then
SESSIONS_END_S = 25.0           # 20 of the sessions that no client could close
# Quick ticks for short sessions.  initLimit is also what a server that was elected by a vote that the
# third one then changed waits for followers that do not come.
CONF = {'initLimit': 20, 'syncLimit': 15}

INEXCUSABLE = re.compile(
    r'two are inside|somebody else was inside|two have the lock|got a lock that|a lock that a holds'
    r'|in with a wrong password|Marshalling|MARSHALLING|RuntimeInconsistency|RUNTIME'
    r'|SessionExpired|SESSIONEXPIRED|DataInconsistency')
CONNECTION = re.compile(r'ConnectionLoss|ConnectionClosed|Connection has been closed|no connection')


class ThreeForwarders:
    """A forwarder before each server, all cut and healed as one."""

    def __init__(self, servers):
        self._servers = servers
        self._each = [kit.Forwarder(member) for member in servers.ens]

    @property
    def hosts(self):
        return ','.join(self._servers.in_turn([f.hosts for f in self._each]))

    def heal(self):
        for forwarder in self._each:
            forwarder.heal()

    def refuse(self):
        for forwarder in self._each:
            forwarder.refuse()

    def cut(self):
        for forwarder in self._each:
            forwarder.cut()

    close = cut


def copy(source, target):
    """A data directory; its log is mostly a hole."""
    subprocess.run(['cp', '-a', '--sparse=always', source, target], check=True)


class Three:
    """What the client tests use of a server, done by three of them."""

    is_ensemble = True

    def __init__(self, kind, seed=None, name='clients'):
        possible, why = zk.have(kind)
        if not possible:
            raise zk.ServerFailed(why)
        self.kind = kind
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self._random = random.Random(self.seed)
        kit.PATIENCE_S = PATIENCE_S
        self.ens = Ensemble([kind] * 3, conf=dict(kit.CONF, **CONF), props=kit.PROPS, name=name)
        self.members = list(self.ens)
        self._turn = 0
        self._hold = threading.RLock()      # whoever has it may kill and start
        self._outages = []                  # [begin, end or None]
        self._thread = None
        self._stop, self._stopped, self._gone = (threading.Event() for _ in range(3))
        self.kills = self.leader_kills = 0
        self.slowest_s = 0.0
        self.errors = []
        self.again = []                     # reasons of attempts that failed
        try:
            self.ens.wait_serving()
        except BaseException:
            self.ens.destroy()
            raise

    # -- what clients see

    def in_turn(self, items):
        turn = self._turn % len(items)
        return items[turn:] + items[:turn]

    def next_turn(self):
        self._turn += 1

    @property
    def hosts(self):
        return ','.join(self.in_turn([m.hosts for m in self.members]))

    def four(self, word):
        """The answers of all that run."""
        return ''.join(member.four(word) for member in self.members)

    @property
    def logs(self):
        return [m.server for m in self.members]

    # -- restarts that a test asks for: of all three at once

    def kill(self):
        self._hold.acquire()
        self._outages.append([time.monotonic(), None])
        for member in self.members:
            member.kill()

    def start(self):
        self.ens.start()
        self.ens.wait_serving(self.members)
        self._outages[-1][1] = time.monotonic()
        self._hold.release()
        return self

    # -- what is on their disks, to take up again

    def save(self):
        self.kill()
        shutil.rmtree(self._saved(), ignore_errors=True)
        os.mkdir(self._saved())
        for member in self.members:
            copy(member.data_dir, os.path.join(self._saved(), str(member.sid)))
        self.start()

    def restore(self):
        self.kill()
        for member in self.members:
            shutil.rmtree(member.data_dir)
            copy(os.path.join(self._saved(), str(member.sid)), member.data_dir)
        self.start()

    def _saved(self):
        return os.path.join(self.ens.dir, 'saved')

    # -- kills that nobody asks for

    def begin_kills(self):
        self._thread = threading.Thread(target=self._kill_on, daemon=True)
        self._thread.start()

    def _kill_on(self):
        while not self._stop.wait(self._random.uniform(*PAUSE_S)) and not self.errors:
            with self._hold:
                try:
                    self._kill_one()
                except (zk.CheckFailed, zk.ServerFailed, OSError) as why:
                    self.errors.append('%s' % why)
        self._stopped.set()
        # The servers that it started would die with the thread: see zkharness._die_with_parent.
        self._gone.wait()

    def _kill_one(self):
        leader = self.ens.wait_leader(BACK_S)
        victim = self._random.choice([leader, *self.ens.others(leader)])
        outage = [time.monotonic(), None]
        self._outages.append(outage)
        victim.kill()
        self.kills += 1
        self.leader_kills += victim is leader
        self._stop.wait(self._random.uniform(*DOWN_S))
        victim.start()
        self.ens.wait_serving(self.members, BACK_S)
        outage[1] = time.monotonic()
        self.slowest_s = max(self.slowest_s, outage[1] - outage[0])

    def end_kills(self):
        self._stop.set()
        if self._thread is not None:
            self._stopped.wait()

    def destroy(self):
        self.ens.destroy()
        self._gone.set()

    def disturbed(self, since):
        """Not all three have served ever since."""
        return any(end is None or end > since for _, end in list(self._outages))

    def may_try_again(self, name, since, attempt, why):
        """Whether this failure is excused; says so if it is."""
        first = (str(why).strip().splitlines() or ['no reason given'])[0][:200]
        excused = (attempt < ATTEMPTS and not self.errors and self.disturbed(since)
                   and (not INEXCUSABLE.search(first) or is_about_expiry(name, first)))
        if excused:
            self.again.append(first)
            print('again %s: attempt %d, %.1f s: %s'
                  % (name, attempt, time.monotonic() - since, first), flush=True)
        return excused


def is_about_expiry(name, why):
    """A test that has sessions of a second, which an outage may end."""
    return ('expir' in why.lower()) and ('expir' in name or 'sessionLost' in name)


def run_again(suite, name, attempt, servers, reset=None):
    """Runs one test; again, after reset(), as long as it fails for the kills."""
    for number in range(1, ATTEMPTS + 1):
        servers.next_turn()
        since = time.monotonic()
        try:
            attempt()
        except zk.Skipped as why:
            return suite.skip(name, why)
        except Exception as why:        # judged here, told by suite.fail or printed
            text = str(why) if isinstance(why, zk.CheckFailed) else '%s: %s' % (
                type(why).__name__, why)
            if not servers.may_try_again(name, since, number, text):
                return suite.fail(name, 'attempt %d: %s' % (number, text), servers.logs)
            if reset:
                reset()
            continue
        return suite.ok(name)
    return None


def check_killer(servers):
    zk.check(not servers.errors, 'after a kill: %s' % '\n'.join(servers.errors))
    zk.check(servers.kills >= 3, 'only %d kills' % servers.kills)


def check_agreement(servers):
    """All clients are gone: so are their ephemerals, and the three have the same."""
    def facts():
        return [(m.zxid(), m.mntr().get('zk_znode_count'), m.mntr().get('zk_ephemerals_count'),
                 m.mntr().get('zk_approximate_data_size')) for m in servers.members]

    def agree():
        seen = facts()
        return len(set(seen)) == 1 and seen[0][2] == '0'

    try:
        kit.wait_until(agree, 'agreement', SESSIONS_END_S)
    except zk.CheckFailed:
        raise zk.CheckFailed('(zxid, nodes, ephemerals, bytes) of each after %.0f s: %s'
                             % (SESSIONS_END_S, facts())) from None


def end_all_in_order(servers):
    for member in servers.members:
        expected = 143 if member.kind == 'apache' else 0
        zk.check_equal(member.terminate(), expected, 'exit status of %r' % member)


def finish(suite, servers):
    """The last tests of a run, the figures, the end."""
    servers.end_kills()
    suite.run('each killed server served again', check_killer, servers, servers=servers.logs)
    suite.run('servers agree, no ephemeral is left', check_agreement, servers, servers=servers.logs)
    suite.run('servers end in order', end_all_in_order, servers, servers=servers.logs)
    lost = sum(1 for why in servers.again if CONNECTION.search(why))
    suite.say('# seed %d: %d kills, %d of the leader, slowest outage %.1f s; %d attempts repeated, '
              '%d of them for a lost connection' % (
                  servers.seed, servers.kills, servers.leader_kills, servers.slowest_s,
                  len(servers.again), lost))
    if suite.failed:
        suite.say('# logs: %s' % servers.ens.keep_logs())
    servers.destroy()
    return suite.finish()


def more_arguments(parser):
    parser.add_argument('--ensemble', action='store_true',
                        help='three servers, killed one by one all the while')
    parser.add_argument('--seed', type=int, help='of the kills')
