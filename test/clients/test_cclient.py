#!/usr/bin/python3
"""The unmodified C client: libzookeeper_mt by every call, cli_mt by its shell, load_gen by load.

Needs Debian's libzookeeper-mt-dev, zookeeper-bin and gcc.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import clientkit as kit
from clientkit import zk

CLI_MT = '/usr/lib/zookeeper/bin/cli_mt'
LOAD_GEN = '/usr/lib/zookeeper/bin/load_gen'
SOURCES = sorted(glob.glob(os.path.join(kit.HERE, 'cclient', '*.c')))
WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wvla', '-Werror']


def compile_program(directory):
    program = os.path.join(directory, 'cc')
    command = ([os.environ.get('CC', 'cc'), '-std=gnu11', '-O1', '-g', '-DTHREADED'] + WARNINGS
               + ['-o', program] + SOURCES + ['-lzookeeper_mt', '-lpthread'])
    done = subprocess.run(command, capture_output=True, text=True)
    zk.check(done.returncode == 0, 'the C program does not compile:\n' + done.stderr)
    return program


def test_every_call_is_used(program):
    """The program calls each zoo_* function of the library, so that none goes untested."""
    def symbols(arguments, pattern):
        text = subprocess.run(['nm'] + arguments, capture_output=True, text=True, check=True)
        return set(re.findall(pattern, text.stdout, re.M))

    linked = subprocess.run(['ldd', program], capture_output=True, text=True, check=True).stdout
    library = re.search(r'libzookeeper_mt\S* => (\S+)', linked).group(1)
    offered = symbols(['-D', library], r' T (zoo_\w+|zookeeper_\w+)')
    used = symbols(['-D', '-u', program], r' U (zoo_\w+|zookeeper_\w+)')
    # Not of the header, or only of the single-threaded library, or (create2 in a transaction) not
    # declared there at all.
    not_public = {'zoo_htonll', 'zoo_lock_auth', 'zoo_unlock_auth', 'zoo_get_log_stream',
                  'zookeeper_interest', 'zookeeper_process', 'zoo_create2_op_init'}
    zk.check_equal(sorted(offered - used - not_public), [], 'calls never made')


class Cli:
    """cli_mt with a pipe as its terminal; all its output in one text, in order."""

    def __init__(self, hosts, *arguments):
        self.process = subprocess.Popen([CLI_MT, '-h', hosts] + list(arguments),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self._text = ''
        self._grown = threading.Condition()
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            chunk = os.read(self.process.stdout.fileno(), 65536)
            with self._grown:
                if not chunk:
                    self._text += '\n<end>\n'
                self._text += chunk.decode('utf-8', 'replace')
                self._grown.notify_all()
            if not chunk:
                return

    def expect(self, pattern):
        """Wait until the output after the last match has this; return the match."""
        found = None

        def look():
            nonlocal found
            found = re.compile(pattern, re.M).search(self._text, self._seen)
            return found or '<end>' in self._text[self._seen:]

        with self._grown:
            self._grown.wait_for(look, kit.PATIENCE_S)
            if not found:
                raise zk.CheckFailed('cli_mt did not print /%s/, but:\n%s'
                                     % (pattern, self._text[self._seen:]))
            self._seen = found.end()
            return found

    def say(self, line, pattern=None):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()
        return self.expect(pattern) if pattern else None

    def quit(self):
        self.say('quit', r'^Quitting\.\.\.$')
        self.process.stdin.close()
        status = self.process.wait(kit.PATIENCE_S)
        self._reader.join(kit.PATIENCE_S)
        self.process.stdout.close()
        zk.check_equal(status, 0, 'exit status of cli_mt')

    def kill(self):
        self.process.kill()
        self.process.wait()


def with_cli(server, script, *arguments):
    cli = Cli(server.hosts, *arguments)
    try:
        cli.expect(r'Watcher SESSION_EVENT state = CONNECTED_STATE')
        script(cli)
        cli.quit()
    finally:
        cli.kill()


def test_cli_nodes(server):
    def script(cli):
        cli.say('create /cli', r'^\[/cli\]: rc = 0\n\tname = /cli$')
        cli.say('create /cli', r'^\[/cli\]: rc = -110$')
        cli.say('create /none/x', r'^\[/none/x\]: rc = -101$')
        cli.say('get /cli', r'^/cli: rc = 0\n value_len = 3\nnew\nStat:\n\tctime = ')
        cli.say('set /cli some words', r'Watcher CHANGED_EVENT state = CONNECTED_STATE')
        cli.expect(r'for path /cli\b')
        cli.expect(r'^/cli: rc = 0 Stat:\n(.*\n){4}\tversion=1\taversion=0$')
        cli.say('get /cli', r'^/cli: rc = 0\n value_len = 10\nsome words')
        cli.say('set /none x', r'^/none: rc = -101')
        cli.say('delete /none', r'^/none: rc = -101$')
        cli.say('sync /cli', r'^\[/cli\]: rc = 0\n\tname = /cli$')
        cli.say('create +s /cli/s-', r'^\[/cli/s-\]: rc = 0\n\tname = /cli/s-0000000000$')
        cli.say('create2 +es /cli/e-', r'^\[/cli/e-\]: rc = 0\n\tname = /cli/e-0000000001$')
        cli.expect(r'\tephemeralOwner = [1-9a-f][0-9a-f]*$')
        cli.say('create +e /cli/eph', r'^\[/cli/eph\]: rc = 0')
        cli.say('create +c /cli/box', r'^\[/cli/box\]: rc = 0')
        cli.say('create +t=3600000 /cli/ttl', r'^\[/cli/ttl\]: rc = 0')
        cli.say('create +st=3600000 /cli/ttls', r'^\[/cli/ttls\]: rc = 0\n\t'
                r'name = /cli/ttls0000000005$')
        names = cli.say('ls /cli', r'^/cli: rc = 0\n((\t.*\n)+)time').group(1).split()
        zk.check_equal(sorted(names), ['box', 'e-0000000001', 'eph', 's-0000000000', 'ttl',
                                       'ttls0000000005'], 'ls')
        cli.say('ls2 /cli', r'^/cli: rc = 0\n((\t.*\n)+)time.*\n\tctime = ')
        cli.say('delete /cli', r'^/cli: rc = -111$')
        cli.say('config', r'^/zookeeper/config: rc = 0\n')
        cli.say('reconfig -remove 3', r'rc = -123$')

    with_cli(server, script)
    # The end of the program ended its session.
    with zk_children(server, '/cli') as names:
        zk.check_equal([n for n in names if n.startswith('e')], [], 'ephemerals left')


class zk_children:
    """The children of a path, read by a cli_mt in batch mode."""

    def __init__(self, server, path):
        done = subprocess.run([CLI_MT, '-h', server.hosts, '-c', 'ls ' + path],
                              capture_output=True, text=True, timeout=kit.PATIENCE_S)
        found = re.search(r'^%s: rc = 0\n((\t.*\n)*)' % re.escape(path),
                          done.stdout + done.stderr, re.M)
        zk.check(found is not None, 'cli_mt -c ls: ' + done.stdout + done.stderr)
        self.names = found.group(1).split()

    def __enter__(self):
        return self.names

    def __exit__(self, *_):
        pass


def test_cli_watches(server):
    def event(kind, path):
        return (r'Watcher %s_EVENT state = CONNECTED_STATE for path %s\b' % (kind, path))

    def script(cli):
        cli.say('exists /cliw', r'Error -101 for /cliw')
        cli.say('wexists /cliw', r'Error -101 for /cliw')
        cli.say('create /cliw', event('CREATED', '/cliw'))
        cli.expect(r'^\[/cliw\]: rc = 0')
        cli.say('ls /cliw', r'^/cliw: rc = 0')
        cli.say('create /cliw/a', event('CHILD', '/cliw'))
        cli.expect(r'^\[/cliw/a\]: rc = 0')
        cli.say('get /cliw/a', r'^/cliw/a: rc = 0')
        cli.say('set /cliw/a x', event('CHANGED', '/cliw/a'))
        cli.expect(r'^/cliw/a: rc = 0')
        cli.say('get /cliw/a', r'^/cliw/a: rc = 0')
        cli.say('delete /cliw/a', event('DELETED', '/cliw/a'))
        cli.expect(r'^/cliw/a: rc = 0')

    with_cli(server, script)


def test_cli_auth(server):
    def script(cli):
        cli.say('addauth digest super:test')
        cli.say('set /zookeeper/config x', r'^/zookeeper/config: rc = 0')
        cli.say('set /zookeeper/config ', r'^/zookeeper/config: rc = 0')

    with_cli(server, script)

    def refused(cli):
        cli.say('set /zookeeper/config x', r'^/zookeeper/config: rc = -102')

    with_cli(server, refused)


def test_cli_overdose(server):
    """200 writes of 64 KiB and 200 reads at once, as the shell's command "od" does."""
    def script(cli):
        cli.say('create /od', r'^\[/od\]: rc = 0')
        cli.say('od', r'^Recvd 200 responses for 200 requests sent$')

    with_cli(server, script)


def test_cli_session_file(server):
    """-m keeps the session id in a file; a shell killed and started again takes it up."""
    directory = tempfile.mkdtemp(prefix='rookery-test-cli-')
    try:
        id_file = os.path.join(directory, 'id')
        cli = Cli(server.hosts, '-m', id_file)
        try:
            first = cli.expect(r'Got a new session id: (0x[0-9a-f]+)').group(1)
            cli.say('create +e /cli-kept', r'^\[/cli-kept\]: rc = 0')
        finally:
            cli.kill()
        cli = Cli(server.hosts, '-m', id_file)
        try:
            cli.expect(r'Watcher SESSION_EVENT state = CONNECTED_STATE')
            owner = cli.say('get /cli-kept', r'ephemeralOwner = ([0-9a-f]+)$').group(1)
            zk.check_equal('0x' + owner, first, 'owner of the ephemeral')
            cli.quit()
        finally:
            cli.kill()
    finally:
        shutil.rmtree(directory)


def test_load_gen(server):
    """load_gen: creates, writes, reads and checks, deletes children, round and round."""
    done_rounds = []
    process = subprocess.Popen([LOAD_GEN, server.hosts, '/load', '2000'], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    output = []
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            output.append(line)
            if 'Starting the delete cycle' in line:
                done_rounds.append(line)
                if len(done_rounds) == 2:
                    break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        watchdog.cancel()
    text = ''.join(output)
    zk.check_equal(len(done_rounds), 2, 'rounds of load_gen, which said:\n%s\n' % text[-2000:])
    for complaint in ('ERROR', 'Invalid read'):
        zk.check(complaint not in text, 'load_gen complains:\n' + text[-2000:])
    cleaned = subprocess.run([LOAD_GEN, server.hosts, '/load', 'clean'], capture_output=True,
                             text=True, timeout=60)
    zk.check_equal(cleaned.returncode, 0, 'load_gen clean:\n' + cleaned.stderr[-2000:])
    zk.check('Successfully deleted a subtree starting at /load' in cleaned.stderr, 'clean')


def main():
    args = kit.parse_args(__doc__)
    suite = zk.Suite('cclient')
    directory = tempfile.mkdtemp(prefix='rookery-test-cc-')
    try:
        server = kit.make_server(args.server).start()
        forwarder = kit.Forwarder(server)
        program = compile_program(directory)
        if not args.only:
            suite.run('libzookeeper: every call is used', test_every_call_is_used, program)
            kit.run_reporting_child(suite, [program, server.hosts, forwarder.hosts], server,
                                    forwarder, timeout_s=120, prefix='libzookeeper: ')
        for name, test in (
                ('cli_mt: nodes of all kinds', test_cli_nodes),
                ('cli_mt: watches', test_cli_watches),
                ('cli_mt: addauth', test_cli_auth),
                ('cli_mt: od sends all at once', test_cli_overdose),
                ('cli_mt: session kept in a file', test_cli_session_file),
                ('load_gen: two rounds and clean', test_load_gen)):
            if not args.only or args.only in name:
                suite.run(name, test, server)
        forwarder.close()
        suite.run('server ends in order', kit.end_in_order, server)
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
    finally:
        shutil.rmtree(directory)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
