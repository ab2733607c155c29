#!/usr/bin/python3
"""tools/cluster, as a newcomer uses it: it starts three servers, shows what becomes of them, stops
what it has started and nothing else.

$ROOKERY_CLUSTER_SERVER is another program that takes a zoo.cfg, to test the tool itself.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk

TOOL = os.path.join(zk.ROOT, 'tools', 'cluster')
ROLES = ['follower', 'follower', 'leader']


def three_ports():
    """The first of three consecutive ports that are free."""
    while True:
        first = zk.free_port()
        probes = []
        try:
            for port in (first + 1, first + 2):
                probe = socket.socket()
                probes.append(probe)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((zk.HOST, port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()


class Cluster:
    def __init__(self):
        self.top = tempfile.mkdtemp(prefix='rookery-test-cluster-')
        self.dir = os.path.join(self.top, 'cluster')
        self.client, self.quorum, self.election = [three_ports() for _ in range(3)]

    def command(self, *words, directory=None):
        server = os.environ.get('ROOKERY_CLUSTER_SERVER') or os.path.abspath(zk.rookery_path())
        return [TOOL, '--dir', directory or self.dir, '--server', server, '--ports',
                '%d,%d,%d' % (self.client, self.quorum, self.election), *words]

    def ask(self, *words, status=0, directory=None):
        done = subprocess.run(self.command(*words, directory=directory), capture_output=True,
                              text=True, timeout=120)
        text = done.stdout + done.stderr
        zk.check_equal(done.returncode, status, '%s: %s' % (' '.join(words), text))
        return text

    def roles(self):
        return re.findall(r'^server\.\d+ +\S+ +(\S.*?)(?: +pid \d+)?$',
                          subprocess.run(self.command('status'), capture_output=True, text=True,
                                         timeout=60).stdout, re.M)

    def wait_roles(self, roles, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while sorted(self.roles()) != sorted(roles):
            zk.check(time.monotonic() < deadline, 'roles are %s, not %s' % (self.roles(), roles))
            time.sleep(0.1)

    def pid(self, number):
        with open(os.path.join(self.dir, str(number), 'pid')) as f:
            return int(f.read())

    def leader(self):
        return self.roles().index('leader') + 1

    def close(self):
        subprocess.run(self.command('stop'), capture_output=True, timeout=60)
        shutil.rmtree(self.top, ignore_errors=True)


def starts_three(c):
    c.ask('status', status=1)
    c.ask('start')
    zk.check_equal(sorted(c.roles()), ROLES, 'roles')
    with open(os.path.join(c.dir, '2', 'data', 'myid')) as f:
        zk.check_equal(f.read(), '2\n', 'myid')


def refuses_to_start_twice(c):
    text = c.ask('run', status=1)
    zk.check('server.1, server.2, server.3 already run' in text, text)


def names_the_ports_that_are_taken(c):
    other = os.path.join(c.top, 'other')
    text = c.ask('start', status=1, directory=other)
    for port, what in ((c.client, 'clients of server.1'), (c.client + 2, 'clients of server.3'),
                       (c.election + 1, 'election port of server.2')):
        zk.check('%d (%s)' % (port, what) in text, text)
    zk.check(not os.path.exists(other), 'something was made all the same')


def brings_one_back(c):
    killed = c.leader()
    os.kill(c.pid(killed), signal.SIGKILL)
    c.wait_roles(['down', 'follower', 'leader'])
    zk.check_equal(c.roles()[killed - 1], 'down', 'the one that was killed')
    c.ask('start', str(killed))
    c.wait_roles(ROLES)


def stops_one_and_all(c):
    zk.check_equal(c.ask('stop', '3'), 'stopped: server.3\n', 'stop 3')
    c.wait_roles(['down', 'follower', 'leader'])
    zk.check_equal(c.ask('stop'), 'stopped: server.1, server.2\n', 'stop')
    zk.check_equal(c.ask('stop'), 'stopped: none was running\n', 'stop')
    zk.check_equal(c.roles(), ['down'] * 3, 'roles')


def leaves_others_alone(c):
    """A pid file that names a process of somebody else."""
    bystander = subprocess.Popen(['sleep', '60'])
    try:
        with open(os.path.join(c.dir, '1', 'pid'), 'w') as f:
            f.write('%d\n' % bystander.pid)
        zk.check_equal(c.ask('stop'), 'stopped: none was running\n', 'stop')
        zk.check_equal(bystander.poll(), None, 'the bystander')
    finally:
        bystander.kill()
        bystander.wait()


def shows_changes_until_it_is_told_to_stop(c):
    run = subprocess.Popen(c.command('run'), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    try:
        head = []
        while not head or not head[-1].startswith('stop:'):
            line = run.stdout.readline()
            zk.check(line, 'it ended: %s' % ''.join(head))
            head.append(line)
        zk.check('connect:   zkCli.sh -server 127.0.0.1:%d,' % c.client in ''.join(head),
                 ''.join(head))
        killed = c.leader()
        os.kill(c.pid(killed), signal.SIGKILL)
        c.wait_roles(['down', 'follower', 'leader'])
        time.sleep(1.5)     # it looks twice a second
        run.send_signal(signal.SIGINT)
        rest, _ = run.communicate(timeout=60)
        zk.check_equal(run.returncode, 0, 'exit status')
        zk.check(re.search(r'\d\d:\d\d:\d\d  server\.%d: down, was leader; again with: '
                           r'tools/cluster start %d\n' % (killed, killed), rest), rest)
        zk.check(re.search(r'server\.\d: leader, was ', rest), rest)
        zk.check_equal(c.roles(), ['down'] * 3, 'roles')
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()


TESTS = (('starts three', starts_three), ('refuses to start twice', refuses_to_start_twice),
         ('names the ports that are taken', names_the_ports_that_are_taken),
         ('brings one back', brings_one_back), ('stops one and all', stops_one_and_all),
         ('leaves others alone', leaves_others_alone),
         ('shows changes until it is told to stop', shows_changes_until_it_is_told_to_stop))


def main():
    suite = zk.Suite('cluster')
    possible, why = zk.have('rookery')
    if not possible and not os.environ.get('ROOKERY_CLUSTER_SERVER'):
        suite.skip('cluster', why)
        return suite.finish()
    cluster = Cluster()
    try:
        for title, fn in TESTS:
            suite.run('cluster ' + title, fn, cluster, servers=[])
    finally:
        cluster.close()
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
