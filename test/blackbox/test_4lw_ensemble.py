#!/usr/bin/python3
"""Four-letter words of ensembles: in each role, Rookery's answers have the shape of Apache's.

Two ensembles of three voters and an observer, one of either kind, are brought into the same state by
the same requests; each word is asked of a server in each role on both sides and compared as in
test_4lw.py.  Then both lose their majority: first nothing is served, then reads are, where
readonlymode.enabled says so.
"""

import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_4lw as single
import zkharness as zk
import zkwire as w
from zkensemble import Ensemble

REFERENCE = 'apache'
ROLES = ('leader', 'follower', 'observer')
# Of a member Apache also measures queues and stages that Rookery does not have or does not measure:
# docs/internals/admin.md.
LEFT_OUT = single.LEFT_OUT | set('''
    request_commit_queued requests_in_session_queue pending_session_queue_size
    reads_after_write_in_session_queue reads_issued_from_session_queue session_queues_drained
    write_batch_time_in_commit_processor concurrent_request_processing_in_commit_processor
    read_commit_proc_req_queued write_commit_proc_req_queued commit_commit_proc_req_queued
    read_commit_proc_issued write_commit_proc_issued commit_process_time
    learner_request_processor_queue_size read_commitproc_time_ms write_commitproc_time_ms
    local_write_committed_time_ms server_write_committed_time_ms read_final_proc_time_ms
    write_final_proc_time_ms proposal_latency proposal_ack_creation_latency
    commit_propagation_latency'''.split())
SETS = re.compile(r'_per_namespace$|^\d+_learner_handler_qp_')


class Bench:
    """One ensemble of each kind, and a session on each role of both."""

    def __init__(self, against):
        self.kinds = [REFERENCE, against]
        self.sides = []
        try:
            for kind in self.kinds:
                self.sides.append(Ensemble([kind] * 3, observers=[kind], name='4lw-%s' % kind,
                                           props={'readonlymode.enabled': 'true'}, start=False))
        except BaseException:
            self.close()
            raise
        self.clients = []

    @staticmethod
    def alone(ens):
        """The answers of one server that looks for the others. Soon it is read-only: then it was too late,
        on a busy machine, and it starts once more."""
        for _ in range(5):
            ens[1].start()
            ens.wait('ruok', lambda: ens[1].four('ruok') == 'imok')
            answers = [(word, ens[1].four(word)) for word in single.WORDS]
            if ens[1].four('isro') != 'ro':
                return answers
            ens[1].kill()
        raise zk.CheckFailed('%r was read-only before it could be asked, again and again' % ens[1])

    def start_all(self):
        for ens in self.sides:
            ens.start()
        for ens in self.sides:
            ens.wait_leader()
            ens.wait_serving(list(ens))

    def of(self, role):
        """The server of that role of each ensemble."""
        found = [next(m for m in ens if m.role() == role) for ens in self.sides]
        return found

    def connect(self):
        """A session on the leader and one on a follower, with the same nodes on both sides."""
        for side in range(2):
            leader, follower = self.of('leader')[side], self.of('follower')[side]
            a, b = w.Client(leader, 30000), w.Client(follower, 20000)
            for client, path in ((a, '/4lw-a'), (b, '/4lw-b')):
                client.call(w.CREATE, w.create(path, flags=1))
            for i in range(200):
                b.call(w.SET_DATA, w.set_data('/4lw-b', b'x' * (i % 50)))
            for client in (a, b):
                client.call(w.GET_DATA, w.path_watch('/4lw-a', True))
            self.clients.append((a, b))

    def sessions(self, side, text):
        for client, name in zip(self.clients[side], 'ab'):
            text = text.replace('0x%x' % (client.session & (2 ** 64 - 1)), '<session %s>' % name)
        return text

    def same(self, role, word, shape):
        """Ask both servers of that role; counters may lag behind for a moment."""
        servers = self.of(role)
        for _ in range(10):
            answers = [server.four(word) for server in servers]
            shapes = [shape(side, answer) for side, answer in enumerate(answers)]
            if shapes[0] == shapes[1]:
                return answers
            time.sleep(0.1)
        raise zk.CheckFailed('%s of a %s differs\nApache:\n%s\nother:\n%s' % (
            word, role, single._indent(shapes[0]), single._indent(shapes[1])))

    def close(self):
        for ens in self.sides:
            ens.destroy()


# -- without a majority

def not_serving(b):
    special = {'hash': single.NOT_SERVING[:-1], 'isro': 'null', 'ruok': 'imok', 'gtmk': '306',
               'stmk': ''}
    for ens in b.sides:
        for word, text in b.alone(ens):
            if word == 'envi':
                zk.check(text.startswith('Environment:\n'), 'envi: %r' % text[:60])
            else:
                zk.check_equal(text, special.get(word, single.NOT_SERVING),
                               '%s of %r' % (word, ens[1]))


# -- serving

def begin(b):
    b.start_all()
    b.connect()
    for role in ROLES:
        for server in b.of(role):
            zk.check_equal(server.four('isro'), 'rw', 'isro of %r' % server)


def conf(b):
    def shape(side, text):
        ens = b.sides[side]
        for member in ens:
            for port in (member.client_port, member.quorum_port, member.election_port):
                text = re.sub(r'\b%d\b' % port, '<port>', text)
            text = text.replace(member.data_dir, '<data>')
        text = re.sub(r'Size=\d+', 'Size=<int>', text)
        # Which of the voters leads differs.
        return re.sub(r'serverId=[123]\n', 'serverId=<voter>\n', text)
    for role in ROLES:
        answer = b.same(role, 'conf', shape)[1]
        zk.check('\nmembership: \nserver.1=' in answer and answer.endswith('\nversion=0'),
                 'membership in conf: %r' % answer)


def _summary(side, text):
    text = single._summary_shape(side, text)
    return re.sub(r'(Proposal sizes last/min/max: )\d+/\d+/\d+', r'\1<ints>', text)


def srvr(b):
    for role in ROLES:
        answer = b.same(role, 'srvr', _summary)[1]
        zk.check('\nMode: %s\n' % role in answer, 'srvr of a %s: %r' % (role, answer))
        zk.check_equal('Proposal sizes' in answer, role == 'leader', 'proposal sizes of a ' + role)


def stat(b):
    def shape(side, text):
        text = re.sub(r'(recved|sent)=\d+', r'\1=<int>', _summary(side, text))
        lines = re.sub(r'\[[015]\]\(queued=[01],', '[.](queued=.,', text).splitlines()
        at = lines.index('')
        return lines[:2] + sorted(lines[2:at]) + lines[at:]
    for role in ROLES:
        b.same(role, 'stat', shape)


def proposal_sizes(b):
    for server in b.of('leader'):
        server.four('srst')
        zk.check('last/min/max: -1/-1/-1\n' in server.four('srvr'), 'proposal sizes after srst')
    for side in range(2):
        b.clients[side][1].call(w.SET_DATA, w.set_data('/4lw-b', b'y' * 100))
    b.same('leader', 'srvr', lambda side, text: re.findall(r'last/min/max: .*', text))


def dump(b):
    def shape(side, text):
        text = single.formats(b.sessions(side, text), keep=('<address>',))
        tracker, ephemerals, connections = re.split(
            r'(?m)^(?=ephemeral nodes dump:|Connections dump:)', text)
        tracker = re.sub(r'\((\d+)\)/\(', '(<int>)/(', tracker)
        tracker = re.sub(r'(?m)^\d+ expire at <date>:\n', '', tracker)
        blocks = sorted(re.findall(r'(?m)^(<session \w>:)\n((?:\t.*\n)+)', ephemerals))
        return sorted(tracker.splitlines()), blocks, connections.splitlines()[0]
    for role in ROLES:
        answer = b.same(role, 'dump', shape)[1]
        zk.check_equal('Global Sessions(2):\n' in answer, role != 'leader', 'sessions of a ' + role)


def watches(b):
    for role in ('leader', 'follower'):
        for word in ('wchc', 'wchp'):
            b.same(role, word, lambda side, text: b.sessions(side, text))


def hash_lines(b):
    for role in ROLES:
        b.same(role, 'hash', lambda side, text: [line.split(':')[0] for line in text.splitlines()])


def mntr(b):
    for role in ROLES:
        servers = b.of(role)
        first, second = [[line.split('\t', 1) for line in server.four('mntr').splitlines()]
                         for server in servers]
        zk.check_equal([k for k, _ in second[:3]],
                       ['zk_version', 'zk_server_state', 'zk_peer_state'], 'first keys')
        zk.check_equal(len({k for k, _ in second}), len(second), 'keys that are there twice')
        first, second = dict(first), dict(second)
        absent = {single.base_name(key) for key in set(first) - set(second)}
        absent = {name for name in absent if not SETS.search(name)}
        if servers[1].kind == 'rookery':
            stale = LEFT_OUT - absent
            zk.check(not stale, 'no longer left out: %s' % ' '.join(sorted(stale)))
            absent -= LEFT_OUT
        zk.check(not absent, 'metrics of a %s that are missing: %s'
                 % (role, ' '.join(sorted(absent))))
        more = sorted(k for k in set(second) - set(first)
                      if 'rookery_' not in k and not SETS.search(single.base_name(k)))
        # those of 3.10, as for a standalone server
        more = [k for k in more if not re.match(r'zk_(op_count|ttl_node)_', k)]
        missing = [k for k in more if k in ('zk_learners', 'zk_leader_uptime', 'zk_quorum_size')]
        zk.check(not missing, 'keys that a %s has and Apache has not: %s' % (role, missing))
        for key in ('zk_server_state', 'zk_peer_state', 'zk_quorum_size', 'zk_learners',
                    'zk_synced_followers', 'zk_synced_observers', 'zk_pending_syncs',
                    'zk_synced_non_voting_followers', 'zk_znode_count', 'zk_ephemerals_count',
                    'zk_global_sessions', 'zk_approximate_data_size', 'zk_last_proposal_size',
                    'zk_max_proposal_size', 'zk_min_proposal_size'):
            zk.check_equal(second.get(key), first.get(key), '%s of a %s' % (key, role))
    for ens, server in zip(b.sides, b.of('observer')):
        zk.check_equal(server.mntr()['zk_observer_master_id'], str(ens.leader().sid),
                       'observer_master_id of %r' % server)
    leader = b.of('leader')[1]
    zk.check(0 < int(leader.mntr()['zk_leader_uptime']) < 600000, 'zk_leader_uptime')


# -- the majority goes

def read_only(b):
    last = []
    for ens in b.sides:
        leader = ens.leader()
        ens.others(*ens.observers(), leader)[0].kill()
        leader.kill()
        last.append([m for m in ens.voters() if m.is_running()][0])
    for ens, server in zip(b.sides, last):
        ens.wait('%r is read-only' % server, lambda: server.role() == 'read-only', 20)
        zk.check_equal(server.four('isro'), 'ro', 'isro')
        lines = server.four('srvr').splitlines()
        zk.check_equal(lines[1], 'READ-ONLY mode; serving only read-only clients', 'srvr')
        zk.check('membership' not in server.four('conf'), 'conf of a read-only server')
        keys = server.mntr()
        zk.check_equal(keys['zk_server_state'], 'read-only', 'zk_server_state')
        zk.check('zk_peer_state' not in keys and 'zk_quorum_size' not in keys, 'mntr')


TESTS = (('without a majority', not_serving), ('isro', begin), ('conf', conf), ('srvr', srvr),
         ('stat', stat), ('dump', dump), ('wchc, wchp', watches), ('hash', hash_lines),
         ('mntr', mntr), ('proposal sizes', proposal_sizes), ('read-only', read_only))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--against', default='rookery', choices=sorted(zk.KINDS))
    args = parser.parse_args()
    suite = zk.Suite('4lw of ensembles')
    for kind in (REFERENCE, args.against):
        possible, why = zk.have(kind)
        if not possible:
            suite.skip('4lw of ensembles', why)
            return suite.finish()
    bench = Bench(args.against)
    try:
        for title, fn in TESTS:
            suite.run('4lw of ensembles: %s' % title, fn, bench, servers=[])
    finally:
        bench.close()
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
