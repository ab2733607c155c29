"""The same scripts through zkCli.sh and through rookery-cli, on Apache's server and on ours.

What zkCli.sh prints for the scripts of test/clients/test_zkcli.py is recorded in zkcli/*.expected (from Apache's
server; the stage zkcli checks it again and again with the real zkCli.sh on ours). rookery-cli, under
the name zkCli.sh, is to print the same, on both servers, but for this:

- Usage lines of get, set and the list of commands are those of 3.10: the recorded ones are of 3.8.
- zkCli says "Not connected" once more after each command that needs no connection while there is
  none, because it falls through its own chain of ifs. rookery-cli says so only if it is the answer.
- Times, session ids, addresses and the version are replaced by names (test_zkcli.normalise).

The words and flags of LIVE go through both programs side by side.
"""

import difflib
import os
import re
import subprocess
import tempfile

from clikit import ROOT, environment, program, zk
import test_zkcli

NEW_USAGE = {
    'get [-s] [-w] path': 'get [-s] [-w] [-b] [-x] path',
    'set [-s] [-v version] path data': 'set path data [-s] [-v version] [-b]',
}

# No script's output may depend on what another left behind: each LIVE line stands for itself.
LIVE = [
    'create /live', 'create /live/"x" "a b"', 'create "/live/q" "a b"', "create '/live/r' 'a \"b\" c'",
    'get /live/q', 'get /live/r', 'get "/live/r', 'ls "/live"', "ls /live'", 'get /live/q -s -z', 'get -z',
    'get -sz /live', 'get --s /live', 'get /live/q extra', 'ls /live extra', 'stat /live extra',
    'delete /live/q 3', 'delete -v', 'delete -v x', 'create -t', 'create -s=1 /live/y',
    'create -es /live/es- x', 'create -sc /live/z', 'create -c -t 1 /live/z', 'set -v3 /live x',
    'set -v=0 /live y', 'get /live', 'set /live -1', 'set /live -- -1', 'get /live', 'set /live ""',
    'get /live', 'set /live \u00fcmlaut\u20ac', 'get /live', 'create /live/\u00fc', 'ls /live',
    'create /live/acl x nix', 'create /live/acl x a:b,', 'create /live/..',
    'create /live/./x', 'create /live/\u0085', 'create ""', 'create -s /live/', 'create -s ""',
    'stat', 'delete', 'setAcl /live', 'setAcl /live ,', 'setAcl /live a:b', 'setAcl /live a:b:q', 'getAcl',
    'listquota', 'delquota /live', 'delquota -z /live', 'delquota -n -b /live', 'setquota -n -b 3 /live',
    'setquota -n', 'setquota -n 1', 'sync', 'deleteall', 'deleteall -b', 'deleteall /live/none',
    'addWatch /live /live', 'addWatch -m X /live', 'removewatches /live -c', 'removewatches', 'getEphemerals x',
    'getAllChildrenNumber', 'config -z', 'reconfig -v zz -remove 1', 'reconfig -file /none/such -add 3',
    'reconfig -members x -file y', 'version x', 'redo -1', 'redo', '  get   /live  ', 'deleteall /live',
]


class Named:
    """A folder with rookery-cli under the name zkCli.sh."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='rookery-cli-')
        link = os.path.join(self.folder.name, 'zkCli.sh')
        os.symlink(os.path.abspath(program()), link)
        return link

    def __exit__(self, *exc):
        self.folder.cleanup()


def without_echo(lines):
    """The recorded "Not connected" that only says that zkCli fell through."""
    kept = []
    for i, line in enumerate(lines):
        if line == 'Not connected':
            # The answer to a command is the first line behind it, and only commands on nodes have it.
            command = next((x for x in reversed(lines[:i]) if re.match(r'B?> ', x)), '')
            if kept[-1:] == ['Not connected'] or re.match(r'B?> (connect|close|history|printwatches)',
                                                          command):
                continue
        kept.append(line)
    return kept


def as_310(lines):
    kept = []
    for line in lines:
        text = line.lstrip('\t')
        if line == '\tget [-s] [-w] path':
            kept.append('\texit ')
        kept.append(line[:len(line) - len(text)] + NEW_USAGE.get(text, text))
    return kept


def compare(expected, seen):
    if expected != seen:
        difference = list(difflib.unified_diff(expected, seen, 'zkCli.sh', 'rookery-cli', lineterm='', n=2))
        raise zk.CheckFailed('the transcript differs\n' + '\n'.join(difference))


def test_recorded(server, name):
    with Named() as link:
        before, test_zkcli.ZKCLI = test_zkcli.ZKCLI, link
        try:
            seen = test_zkcli.play(server, name)
        finally:
            test_zkcli.ZKCLI = before
    with open(os.path.join(ROOT, 'test', 'clients', 'zkcli', name + '.expected'), encoding='utf-8') as f:
        expected = f.read().splitlines()
    compare(as_310(without_echo(expected)), without_echo(seen))


# -- Side by side ---------------------------------------------------------------------------------

def play_live(command, server):
    """Every line of LIVE with what it printed on both streams."""
    script, marker = '', 'MARK'
    live = [line for line in LIVE if line not in DIFFERENT]
    for i, line in enumerate(live):
        script += '%s\nget /%s%d\n' % (line, marker, i)
    env = environment(CLIENT_JVMFLAGS=test_zkcli.JVM_FLAGS + ' -Dfile.encoding=UTF-8')
    done = subprocess.run([command, '-server', server.hosts, '-waitforconnection'], input=script.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, timeout=60,
                          check=False)
    transcript, lines, at = [], [], 0
    for line in done.stdout.decode('utf-8', 'replace').splitlines():
        if line.endswith('/%s%d' % (marker, at)):
            transcript.append('> ' + live[at])
            transcript += [normal(x, server) for x in lines]
            lines, at = [], at + 1
        elif not is_noise(line):
            lines.append(line)
    if at < len(live):
        raise zk.CheckFailed('%s stopped behind %r: %r' % (command, live[at], lines[-5:]))
    return transcript


def is_noise(line):
    return (line in ('', 'WATCHER::') or
            line.startswith(('SLF4J', 'Connecting to ', 'Welcome to', 'JLine support', 'WatchedEvent',
                             '\tat ', 'Caused by', 'Picked up')))


def normal(line, server):
    line = test_zkcli.normalise(line, server)
    line = test_zkcli.without_zxid(line)
    return NEW_USAGE.get(line, line)


# Lines on which the two differ on purpose: why.
DIFFERENT = {
    'delete -v x': 'zkCli dies of a NumberFormatException',
    'redo': 'zkCli says nothing',
    'create /live/\u0085': 'Java prints the character; we print it as \\xNN',
}


def test_live(server):
    zkcli = play_live(test_zkcli.ZKCLI, server)
    with Named() as link:
        ours = play_live(link, server)
    compare(zkcli, ours)
