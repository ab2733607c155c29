#!/usr/bin/python3
"""Debian's unmodified zkCli.sh: every command it has, word for word.

Each script below is typed into zkCli.sh, command by command.  All it prints is compared with
zkcli/SCRIPT.expected, which was recorded from Apache's server (--server apache --record), after
times, session ids and addresses are replaced by names.  Numbers of transactions are not replaced:
both servers are to count them the same way.

In the .expected files "> " is a command of the first shell, "B> " of a second one beside it,
"! " a watch event that was printed, and all else is output.

    --ensemble      against three servers, which are killed and restarted all the while

Needs Debian's zookeeper package and a JRE.
"""

import difflib
import os
import re
import subprocess
import sys
import threading

import clientkit as kit
import ensemble_kit
from clientkit import zk

ZKCLI = '/usr/share/zookeeper/bin/zkCli.sh'
EXPECTED = os.path.join(kit.HERE, 'zkcli')
# Start fast: these are short runs.
JVM_FLAGS = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xmx128m'
# Typed after each command: what it prints says that the command is done, connected or not.
MARKER = 'printwatches'
MARKER_OUTPUT = 'printwatches is '
# What three servers that are killed cannot be asked.
NOT_IN_ENSEMBLES = {'config': 'expects the empty configuration of a standalone server'}
# Scripts that are one attempt: the second looks at what the first left.
TOGETHER = {'kinds': 'after_kinds'}
READS = ('get', 'stat', 'ls', 'getAcl', 'getEphemerals', 'whoami')

# A step is a command, or a command with the events that must come of it (of either shell).
SCRIPTS = {
    'nodes': [
        'create /cli data',
        'create /cli data',
        'create /cli/empty',
        'create /no/parent x',
        'create relative x',
        'create /cli/ x',
        'create /cli//x x',
        'create "/cli/with blank" "a b c"',
        'get "/cli/with blank"',
        'get /cli',
        'get -s /cli',
        'get /cli/empty',
        'get /none',
        'stat /cli',
        'stat /none',
        'set /cli changed',
        'set -s /cli again',
        'set -v 2 /cli third',
        'set -v 2 /cli fourth',
        'set /none x',
        'ls /cli',
        'ls -s /cli',
        'ls -R /cli',
        'ls /none',
        'ls',
        'ls /zookeeper',
        'delete -v 7 /cli/empty',
        'delete /cli',
        'delete -v 0 /cli/empty',
        'delete /cli/empty',
        'delete /zookeeper',
        'delete /',
        'getAllChildrenNumber /cli',
        'getAllChildrenNumber /zookeeper',
        'getAllChildrenNumber /none',
        'sync /cli',
        'sync /none',
        'sync relative',
        'stat /',
        'stat /zookeeper',
        'stat /zookeeper/config',
    ],
    'kinds': [
        'create /kinds',
        'create -s /kinds/s- x',
        'create -s /kinds/s- x',
        'create -e /kinds/e x',
        'create -e -s /kinds/e- x',
        'get -s /kinds/e',
        'create /kinds/e/child',
        'create -c /kinds/c x',
        'stat /kinds/c',
        'create -t 3600000 /kinds/t x',
        'stat /kinds/t',
        'create -t 3600000 -s /kinds/t- x',
        'create -t 0 /kinds/t0',
        'create -t -1 /kinds/t0',
        'create -t nonsense /kinds/t0',
        'create -t 1099511627776 /kinds/t0',
        'create -t 1000 -e /kinds/t0',
        'create -c -e /kinds/c0',
        'create -c -s /kinds/c0',
        'ls /kinds',
        'getEphemerals',
        'getEphemerals /kinds',
        'getEphemerals /kinds/e-',
        'getEphemerals /none',
        'getEphemerals relative',
        'B> getEphemerals',
        'B> delete /kinds/e',
        'getEphemerals /kinds',
        'ls /kinds',
        'getAllChildrenNumber /kinds',
    ],
    # In the script above both shells ended: their ephemerals are gone, and only theirs.
    'after_kinds': [
        'ls /kinds',
        'deleteall /kinds',
        'ls /',
    ],
    'deleteall': [
        'create /tree',
        'create /tree/a',
        'create /tree/a/b',
        'create /tree/a/b/c',
        'create /tree/d',
        'create /tree/e',
        'ls -R /tree',
        'deleteall /tree/a',
        'ls -R /tree',
        'deleteall /tree -b 1',
        'stat /tree',
        'deleteall /none',
        'deleteall /tree -b x',
        'create /tree',
        'create -e /tree/e',
        'deleteall /tree',
        'ls /',
        'getAllChildrenNumber /',
    ],
    'watches': [
        'create /w',
        'get -w /w',
        ('set /w 1', ['NodeDataChanged /w']),
        'set /w 2',
        'stat -w /w/later',
        'stat -w /w',
        ('set /w 3', ['NodeDataChanged /w']),
        'ls -w /w',
        ('create /w/c', ['NodeChildrenChanged /w']),
        'create /w/d',
        'get -w /w/c',
        'ls -w /w/c',
        'ls -w /w',
        ('delete /w/c', ['NodeDeleted /w/c', 'NodeChildrenChanged /w']),
        'get -w /w',
        'printwatches off',
        'set /w 4',
        'printwatches on',
        'get -w /w',
        ('B> set /w 5', ['NodeDataChanged /w']),
        'ls -w /w',
        ('B> create -e /w/eph', ['NodeChildrenChanged /w']),
        'stat -w /w/eph',
        ('B> delete /w/eph', ['NodeDeleted /w/eph']),
        'config -w',
    ],
    'persistent_watches': [
        'create /p',
        'addWatch /p',
        ('create /p/a x', ['NodeCreated /p/a']),
        ('set /p/a y', ['NodeDataChanged /p/a']),
        ('set /p y', ['NodeDataChanged /p']),
        ('create /p/a/b', ['NodeCreated /p/a/b']),
        ('delete /p/a/b', ['NodeDeleted /p/a/b']),
        ('B> delete /p/a', ['NodeDeleted /p/a']),
        ('removewatches /p', ['PersistentWatchRemoved /p']),
        'set /p z',
        'removewatches /p',
        'addWatch -m PERSISTENT /p',
        ('set /p 1', ['NodeDataChanged /p']),
        ('create /p/a', ['NodeChildrenChanged /p']),
        'set /p/a 1',
        ('set /p 2', ['NodeDataChanged /p']),
        ('B> delete /p/a', ['NodeChildrenChanged /p']),
        ('delete /p', ['NodeDeleted /p']),
        ('create /p', ['NodeCreated /p']),
        ('removewatches /p -a', ['PersistentWatchRemoved /p']),
        'addWatch -m NONSENSE /p',
        'addWatch',
        'addWatch -m PERSISTENT_RECURSIVE /p',
        ('create /p/x', ['NodeCreated /p/x']),
        ('removewatches /p -a', ['PersistentWatchRemoved /p']),
        'deleteall /p',
    ],
    'removewatches': [
        'create /r',
        'get -w /r',
        'ls -w /r',
        ('removewatches /r -d', ['DataWatchRemoved /r']),
        'set /r 1',
        ('create /r/a', ['NodeChildrenChanged /r']),
        'get -w /r',
        'ls -w /r',
        ('removewatches /r -c', ['ChildWatchRemoved /r']),
        'delete /r/a',
        ('set /r 2', ['NodeDataChanged /r']),
        'get -w /r',
        'ls -w /r',
        ('removewatches /r -a', ['ChildWatchRemoved /r', 'DataWatchRemoved /r']),
        'create /r/b',
        'set /r 3',
        'get -w /r',
        ('removewatches /r -l', ['DataWatchRemoved /r']),
        'set /r 4',
        'removewatches /r',
        'removewatches /none',
        'removewatches',
    ],
    'acls': [
        'create /acl x',
        'getAcl /acl',
        'getAcl -s /acl',
        'getAcl /none',
        'whoami',
        'setAcl /acl auth::cdrwa',
        'addauth digest bob:secret',
        'whoami',
        'setAcl /acl auth::cdrwa',
        'getAcl /acl',
        'setAcl -s /acl auth::cdrwa',
        'B> getAcl /acl',
        'B> get /acl',
        'B> set /acl y',
        'B> ls /acl',
        'B> create /acl/x',
        'B> delete /acl/x',
        'B> setAcl /acl world:anyone:r',
        'setAcl /acl world:anyone:r,auth::cdrwa',
        'B> getAcl /acl',
        'B> get /acl',
        'B> set /acl y',
        'B> addauth digest bob:secret',
        'B> set /acl y',
        'B> getAcl -s /acl',
        'setAcl -v 9 /acl world:anyone:r',
        'setAcl -v 3 /acl world:anyone:cdrwa',
        'setAcl /acl digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa',
        'get /acl',
        'setAcl /acl world:somebody:r',
        'setAcl /acl nonsense:x:r',
        'setAcl /acl ip:300.1.2.3:r',
        'setAcl /acl world:anyone:xyz',
        'setAcl /acl world',
        'setAcl /none world:anyone:r',
        'create /acl2 data auth::cdrwa',
        'create /acl3 data world:anyone:r',
        'create /acl4 data nonsense:x:r',
        'create /acl5 data ip:127.0.0.0/8:cdrwa',
        'getAcl /acl2',
        'getAcl /acl5',
        'set /acl3 x',
        'create /acl2/a',
        'create /acl2/a/b',
        'setAcl -R /acl2 world:anyone:cdrwa',
        'getAcl /acl2/a/b',
        'addauth digest super:test',
        'whoami',
        'set /acl3 bysuper',
        'addauth',
        'getAcl /zookeeper/config',
        'getAcl /',
    ],
    # The server refuses the scheme and closes; the shell is told of it, and the other is not.
    'bad_auth': [
        ('addauth nonsense x', ['AuthFailed']),
        'get /acl3',
        'B> get /acl3',
    ],
    'quotas': [
        'create /q 12345',
        'create /q/a xyz',
        'listquota /q',
        'setquota -n 4 /q',
        'listquota /q',
        'setquota -b 100 /q',
        'listquota /q',
        'create /q/b 1234',
        'listquota /q',
        'setquota -N 4 /q',
        'create /q/c 1',
        'create /q/d 1',
        'listquota /q',
        'setquota -B 30 /q',
        'set /q 01234567890123456789012345',
        'set /q 0123456789',
        'listquota /q',
        'ls -R /zookeeper/quota',
        'get /zookeeper/quota/q/zookeeper_limits',
        'get /zookeeper/quota/q/zookeeper_stats',
        'setquota -n 5 /q/a',
        'setquota -n 5 /',
        'setquota -n 0 /q',
        'setquota -n x /q',
        'setquota /q',
        'setquota -n 5 /none',
        'setquota -n 5 /zookeeper/quota/q',
        'delquota -n /q',
        'listquota /q',
        'delquota -N /q',
        'create /q/d 1',
        'delquota -b -B /q',
        'listquota /q',
        'delquota /q',
        'delquota /q',
        'listquota /q',
        'ls -R /zookeeper/quota',
        'deleteall /q',
    ],
    'config': [
        'config',
        'config -s',
        'config -c',
        'reconfig -add server.5=127.0.0.1:1:2;3',
        'reconfig -remove 5',
        'reconfig -members server.1=127.0.0.1:1:2;3',
        'reconfig -v 77 -remove 5',
        'reconfig',
        'set /zookeeper/config x',
    ],
    'shell': [
        'history',
        'redo 0',
        'redo 99',
        'nonsense',
        'create',
        'get',
        'version',
        'printwatches nonsense',
        'printwatches on',
        'create -e /shell-eph',
        'B> stat /shell-eph',
        ('close', ['Closed']),
        'get /',
        'B> stat /shell-eph',
        ('connect SERVER', ['SyncConnected']),
        'ls /',
        'history',
    ],
}


class Shell:
    """One zkCli.sh with pipes for its terminal."""

    def __init__(self, server, name, arguments=()):
        self.name = name
        self.server = server
        env = dict(os.environ, CLIENT_JVMFLAGS=JVM_FLAGS)
        self.process = subprocess.Popen(
            [ZKCLI, '-server', server.hosts] + list(arguments), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        self._grown = threading.Condition()
        self._lines = []
        self._events = []
        self._taken_events = 0
        self._is_ended = False
        self._hides_losses = getattr(server, 'is_ensemble', False)
        self._is_lost = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._take_output(r'JLine support is disabled')
        self.wait_events(['SyncConnected'])

    def _read(self):
        """Sort what is printed into lines and events; the event thread prints in between."""
        event = re.compile(r'WatchedEvent state:(\w+) type:(\w+) path:(\S+)')
        for raw in self.process.stdout:
            line = raw.decode('utf-8', 'replace').rstrip('\n')
            found = event.search(line)
            with self._grown:
                if found:
                    state, kind, path = found.groups()
                    if self._is_hidden(state, kind):
                        continue
                    self._events.append(state if kind == 'None' else '%s %s' % (kind, path))
                elif line not in ('', 'WATCHER::') and not line.startswith('SLF4J: '):
                    self._lines.append(line)
                self._grown.notify_all()
        with self._grown:
            self._is_ended = True
            self._grown.notify_all()

    def _is_hidden(self, state, kind):
        """A connection that was lost and found again, where that is no subject of the test."""
        if not self._hides_losses or kind != 'None':
            return False
        was_lost, self._is_lost = self._is_lost, state == 'Disconnected'
        return self._is_lost or (was_lost and state == 'SyncConnected')

    def _take_output(self, end):
        """The lines up to the one that has `end`, which is taken too."""
        def look():
            return self._is_ended or any(end in line for line in self._lines)

        with self._grown:
            self._grown.wait_for(look, kit.PATIENCE_S)
            at = next((i for i, line in enumerate(self._lines) if end in line), None)
            if at is None:
                raise zk.CheckFailed('shell %s did not get to "%s", but printed:\n%s'
                                     % (self.name, end, '\n'.join(self._lines)))
            taken, self._lines = self._lines[:at], self._lines[at + 1:]
            return taken

    def type(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def run(self, command):
        """Type a command, return what it printed."""
        self.type(command)
        self.type(MARKER)
        return self._take_output(MARKER_OUTPUT)

    def wait_events(self, expected):
        """Wait until that many more events were printed."""
        with self._grown:
            until = self._taken_events + len(expected)
            self._grown.wait_for(lambda: self._is_ended or len(self._events) >= until,
                                 kit.PATIENCE_S)
            seen = self._events[self._taken_events:until]
            self._taken_events = until
        if all('WatchRemoved' in event for event in seen):
            seen.sort()         # made by the client, in the order of a hash
        if seen != expected:
            raise zk.CheckFailed('shell %s was told %r, not %r' % (self.name, seen, expected))

    def other_events(self):
        with self._grown:
            return self._events[self._taken_events:]

    def quit(self):
        """Leave in an orderly way; return the exit status."""
        self.type('quit')
        self.process.stdin.close()
        status = self.process.wait(kit.PATIENCE_S)
        self._thread.join(kit.PATIENCE_S)
        self.process.stdout.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()


def without_zxid(line):
    return re.sub(r'^([cmp]Zxid) = .*', r'\1 = <zxid>', line)


def for_ensembles(transcript):
    """Without the configuration, which is no empty node, and without an echo of the client's.

    zkCli.sh says "Not connected" once or twice, as its threads happen to run.
    """
    kept, is_config = [], False
    for line in transcript:
        if re.match(r'B?> |\(shell ', line):
            is_config = False
        if not is_config and not (line == 'Not connected' and kept[-1:] == [line]):
            kept.append(line)
        is_config = is_config or line in ('> stat /zookeeper/config', '> config -w')
    return kept


def normalise(line, server):
    line = re.sub(r'^([cm]time) = .*', r'\1 = <time>', line)
    line = re.sub(r'^ephemeralOwner = 0x[0-9a-f]{2,}', 'ephemeralOwner = <session>', line)
    line = re.sub(r'^(ZooKeeper CLI version: ).*', r'\1<version>', line)
    line = line.replace(server.hosts, 'SERVER')
    if getattr(server, 'is_ensemble', False):
        line = without_zxid(line)
    # The order of a session's ephemerals is a hash's.
    if re.fullmatch(r'\[(/[^],]*)(, /[^],]*)*\]', line):
        line = '[' + ', '.join(sorted(line[1:-1].split(', '))) + ']'
    return line


def normalise_output(command, lines, server):
    lines = [normalise(line, server) for line in lines]
    words = command.split()
    if words[0] == 'whoami':            # a set
        lines = lines[:1] + sorted(lines[1:])
    return lines


def play(server, name):
    """Run a script; return the transcript as lines."""
    shells = {}
    transcript = []
    behind = set()      # shells that may be at a server that has not heard yet of what was done
    try:
        shells['A'] = Shell(server, 'A')
        for step in SCRIPTS[name]:
            text, events = step if isinstance(step, tuple) else (step, [])
            who, command = ('B', text[3:]) if text.startswith('B> ') else ('A', text)
            if who not in shells:
                shells[who] = Shell(server, who)
            transcript.append(('' if who == 'A' else who) + '> ' + command)
            if getattr(server, 'is_ensemble', False):
                if who in behind:
                    shells[who].run('sync /')
                behind = behind - {who}
                if command.split()[0] not in READS:
                    behind |= {'A', 'B'} - {who}
            output = shells[who].run(command.replace('SERVER', server.hosts))
            transcript += normalise_output(command, output, server)
            # Watches are the first shell's.
            try:
                shells['A'].wait_events(events)
            except zk.CheckFailed as why:
                raise zk.CheckFailed('%s, after: %s' % (why, ' | '.join(transcript[-6:]))) from None
            transcript += ['! ' + event for event in events]
        for shell in shells.values():
            events = [e for e in shell.other_events() if e != 'Closed']
            zk.check_equal(events, [], 'events of shell %s that nobody asked for' % shell.name)
        for shell in shells.values():
            transcript.append('(shell %s ends with %d)' % (shell.name, shell.quit()))
    finally:
        for shell in shells.values():
            shell.kill()
    return transcript


def test_script(server, name, record):
    path = os.path.join(EXPECTED, name + '.expected')
    transcript = play(server, name)
    if record:
        with open(path, 'w') as f:
            f.write('\n'.join(transcript) + '\n')
        return
    with open(path) as f:
        expected = f.read().splitlines()
    if getattr(server, 'is_ensemble', False):
        expected = for_ensembles(map(without_zxid, expected))
        transcript = for_ensembles(transcript)
    if transcript != expected:
        difference = difflib.unified_diff(expected, transcript, 'expected', 'seen', lineterm='',
                                          n=2)
        difference = list(difference)
        changed = [line for line in difference[2:] if line[0] in '+-']
        raise zk.CheckFailed('the transcript differs: %s\n' % ' '.join(changed[:4])
                             + '\n'.join(difference))


def one_shot(server, *arguments):
    """One command on the command line: (exit status, output without the chatter)."""
    env = dict(os.environ, CLIENT_JVMFLAGS=JVM_FLAGS)
    done = subprocess.run([ZKCLI, '-server', server.hosts, '-waitforconnection'] + list(arguments),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True,
                          stdin=subprocess.DEVNULL, timeout=kit.PATIENCE_S)
    noise = ('Connecting to', 'SLF4J', 'WATCHER::', 'WatchedEvent')
    return done.returncode, [line for line in done.stdout.splitlines()
                             if line and not line.startswith(noise)]


def test_one_shot_commands(server):
    zk.check_equal(one_shot(server, 'create', '/shot', 'data'), (0, ['Created /shot']))
    zk.check_equal(one_shot(server, 'get', '/shot'), (0, ['data']))
    status, output = one_shot(server, 'get', '/none')
    zk.check_equal((status != 0, output), (True, ['Node does not exist: /none']))
    zk.check_equal(one_shot(server, 'delete', '/shot'), (0, []))


def test_shell_over_a_restart(server):
    """The shell's session, ephemeral and watch are there after the server was killed."""
    is_ensemble = getattr(server, 'is_ensemble', False)
    forwarder = (ensemble_kit.ThreeForwarders if is_ensemble else kit.Forwarder)(server)

    class Behind:
        hosts = forwarder.hosts

    shell = Shell(Behind, 'A')
    try:
        shell.run('create -e /restart-e mine')
        shell.run('get -w /restart-e')
        kit.restart(server, forwarder)
        shell.wait_events(['Disconnected', 'SyncConnected'])
        output = shell.run('get -s /restart-e')
        zk.check_equal(output[0], 'mine')
        shell.run('set /restart-e changed')
        shell.wait_events(['NodeDataChanged /restart-e'])
        zk.check_equal(shell.run('getEphemerals'), ['[/restart-e]'])
        zk.check_equal(shell.quit(), 0)
    finally:
        shell.kill()
        forwarder.close()


def run_in_ensemble(suite, server):
    """In the same order; each attempt begins with what the script before left on the disks."""
    server.begin_kills()
    for name, why in NOT_IN_ENSEMBLES.items():
        suite.skip('zkCli.sh: ' + name, why)
    for name in SCRIPTS:
        if name in NOT_IN_ENSEMBLES or name in TOGETHER.values():
            continue
        names = [name, TOGETHER[name]] if name in TOGETHER else [name]

        def attempt(names=names):
            for each in names:
                test_script(server, each, False)

        server.save()
        ensemble_kit.run_again(suite, 'zkCli.sh: ' + ', '.join(names).replace('_', ' '), attempt,
                               server, server.restore)
    for name, test in (('one-shot commands', test_one_shot_commands),
                       ('over a restart', test_shell_over_a_restart)):
        server.save()
        ensemble_kit.run_again(suite, 'zkCli.sh: ' + name, lambda test=test: test(server), server,
                               server.restore)
    return ensemble_kit.finish(suite, server)


def main():
    def more(parser):
        ensemble_kit.more_arguments(parser)
        parser.add_argument('--record', action='store_true', help='write the .expected files')

    args = kit.parse_args(__doc__, more)
    suite = zk.Suite('zkcli')
    if not os.path.exists(ZKCLI):
        suite.skip('zkCli.sh', 'no %s' % ZKCLI)
        return suite.finish()
    if args.record and args.server != 'apache':
        print('only Apache says what is expected', file=sys.stderr)
        return 2
    try:
        if args.ensemble:
            return run_in_ensemble(suite, ensemble_kit.Three(args.server, args.seed, 'zkcli'))
        server = kit.make_server(args.server).start()
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
        return suite.finish()
    # In this order, on one fresh server: the numbers of transactions are part of what is compared.
    for name in SCRIPTS:
        suite.run('zkCli.sh: ' + name.replace('_', ' '), test_script, server, name, args.record)
    suite.run('zkCli.sh: one-shot commands', test_one_shot_commands, server)
    suite.run('zkCli.sh: over a restart', test_shell_over_a_restart, server)
    suite.run('server ends in order', kit.end_in_order, server)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
