"""Commands that nobody types: exit codes, JSON, options, logins, and what strangers send."""

import base64
import json
import os
import signal
import subprocess
import tempfile
import time

import clikit
from clikit import Liar, expect, program, run, stat, ustr, zk


# -- Exit codes and where commands come from --------------------------------------------------------

def test_exit_codes(server):
    expect(run(server.hosts, 'create', '/exit', 'x'), 0, '', 'Created /exit\n')
    expect(run(server.hosts, 'get', '/exit'), 0, 'x\n', '')
    expect(run(server.hosts, 'get', '/none'), 1, '', 'Node does not exist: /none\n')
    expect(run(server.hosts, 'get'), 2, '', 'get [-s] [-w] [-b] [-x] path\n')
    expect(run(server.hosts, 'get', '-z', '/exit'), 2, '', 'Unrecognized option: -z\n')
    expect(run(server.hosts, 'gett', '/exit'), 2, '', 'Command not found: gett (did you mean get)\n')
    expect(run(server.hosts, '-nonsense'), 2, '')
    expect(run(server.hosts, '-timeout'), 2, '')
    expect(run(server.hosts, '-timeout', 'soon', 'ls', '/'), 2, '')
    nobody = '127.0.0.1:%d' % zk.free_port()
    for script, code in (('get /none\nquit\n', 1), ('get /none\nversion\nquit\n', 0), ('nix\nquit\n', 127), ('quit\n', 0)):
        expect(run(server.hosts, before=['--zkcli'], stdin=script), code)   # as zkCli.sh 3.8 ends
    expect(run(nobody, '-wait', '300', 'ls', '/'), 3, '',
           'Not connected: no answer from %s\n' % nobody)
    for hosts in (':', 'a:b', 'a:99999', '/x', 'a:1/x/', '[::1'):
        expect(run(hosts, 'ls', '/'), 2, '')
    expect(run(server.hosts, 'setAcl', '/exit', 'ip:9.9.9.9:r'), 0)
    expect(run(server.hosts, 'get', '/exit'), 4, '', 'Insufficient permission : /exit\n')
    for _ in range(40):     # the refusal may come before, at or behind the request
        expect(run(server.hosts, '-auth', 'nonsense:x', 'get', '/exit'), 4, '')
    expect(run(server.hosts, 'delete', '/exit'), 0)


def test_texts_and_stdin(server):
    expect(run(server.hosts, '-c', 'create /t 1;set /t "a; b"; get /t', '-c', 'delete /t\nget /t'), 1,
           'a; b\n')
    expect(run(server.hosts, stdin='# a comment\n\ncreate /t 1\r\nget /t\ndelete /t'), 0, '1\n')
    expect(run(server.hosts, stdin='get /none\nversion\n'), 1)
    expect(run(server.hosts, '-e', stdin='get /none\ncreate /never\n'), 1)
    expect(run(server.hosts, 'stat', '/never'), 1)
    expect(run(server.hosts, stdin='quit\ncreate /never\n'), 0, '', '')
    expect(run(server.hosts, stdin=''), 0, '', '')
    expect(run(server.hosts, '-c', 'ls /', 'ls', '/'), 2)
    expect(run(None, 'ls', '/', env={'ROOKERY_SERVER': server.hosts}), 0)


def test_a_session_lasts_as_long_as_its_script(server):
    done = expect(run(server.hosts, '-c', 'create -e /eph 1; getEphemerals; close; connect %s; stat /eph'
                      % server.hosts), 1)
    zk.check_equal(done.out, '[/eph]\n')


def test_events_in_scripts(server):
    done = expect(run(server.hosts, '-c', 'create /ev; addWatch /ev; set /ev 1; create /ev/a; sync /; '
                      'printwatches off; delete /ev/a; sync /; delete /ev'), 0)
    kinds = [line.split('type:')[1].split(' ')[0] for line in done.out.splitlines() if 'type:' in line]
    zk.check_equal(kinds, ['NodeDataChanged', 'NodeCreated'])


# -- Servers and logins -----------------------------------------------------------------------------

def test_server_strings(server):
    expect(run(server.hosts, '-c', 'create /root; create /root/in x'), 0)
    expect(run(server.hosts + '/root', 'get', '/in'), 0, 'x\n')
    expect(run(server.hosts + '/root', 'ls', '-R', '/'), 0, '/\n/in\n')
    done = run('127.0.0.1:%d,%s' % (zk.free_port(), server.hosts), 'get', '/root/in')
    expect(done, 0, 'x\n')
    if clikit.free_v6():
        listener, port = clikit.forward_v6((server.host, server.port))
        expect(run('[::1]:%d/root' % port, 'get', '/in'), 0, 'x\n')
        listener.close()
    expect(run(server.hosts, 'deleteall', '/root'), 0)


def test_logins(server):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'auth')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('# logins\n\ndigest:bob:secret\n')
        os.chmod(path, 0o600)
        ways = [(['-auth', 'digest:bob:secret'], {}), (['--auth=digest:bob:secret'], {}),
                (['-auth-file', path], {}), ([], {'ROOKERY_AUTH': 'digest:bob:secret\n'})]
        for before, env in ways:
            done = expect(run(server.hosts, *before, 'whoami', env=env), 0, err='')
            zk.check('digest: bob' in done.out, done)
        os.chmod(path, 0o644)
        done = expect(run(server.hosts, '-auth-file', path, 'whoami'), 0)
        zk.check('can be read by others' in done.err, done)
    for bad in ('bob', ':x', ''):
        done = expect(run(server.hosts, '-auth', bad, 'whoami'), 2, '')
        zk.check(not bad or bad not in done.err.replace('digest:user:password', ''), done)
    expect(run(server.hosts, '-auth-file', '/none/such', 'whoami'), 2, '')


def test_a_password_is_not_in_the_list_of_processes(server):
    child = subprocess.Popen([program(), '-server', server.hosts, '-auth', 'digest:bob:topsecret'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=clikit.environment())
    try:
        child.stdin.write(b'version\n')
        child.stdin.flush()
        child.stdout.readline()
        with open('/proc/%d/cmdline' % child.pid, 'rb') as f:
            zk.check(b'topsecret' not in f.read(), 'the password can be seen')
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


def test_client_configuration(server):
    with tempfile.TemporaryDirectory() as folder:
        def config(text):
            path = os.path.join(folder, 'client.cfg')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            return path

        good = '# of Java\n! too\nzookeeper.request.timeout = 7000\nzookeeper.sasl.client=false\nother=x\n'
        expect(run(server.hosts, '-client-configuration', config(good), 'sync', '/'), 0, 'Sync is OK\n', '')
        done = expect(run(server.hosts, '-client-configuration', config('zookeeper.nonsense=1\n'), 'sync', '/'), 0)
        zk.check('unknown key zookeeper.nonsense' in done.err, done)
        expect(run(server.hosts, '-client-configuration', config('zookeeper.client.secure=true\n'), 'sync', '/'), 2)
        expect(run(server.hosts, '-client-configuration', config('zookeeper.request.timeout=x\n'), 'sync', '/'), 2)
        expect(run(server.hosts, '-client-configuration', '/none/such', 'sync', '/'), 2)


def test_commands_wait_for_a_connection(server):
    server.kill()
    for flags in (['-waitforconnection'], ['-wait', '20000']):
        child = subprocess.Popen([program(), '-server', server.hosts, *flags, 'getAllChildrenNumber', '/zookeeper'],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clikit.environment(),
                                 text=True)
        time.sleep(0.3)
        zk.check_equal(child.poll(), None, 'waits')
        server.start()
        out, _ = child.communicate(timeout=30)
        zk.check_equal((child.returncode, out), (0, '2\n'))
        if flags[0] == '-waitforconnection':
            server.kill()


# -- JSON -------------------------------------------------------------------------------------------

JSON_COMMANDS = [
    'create /j one', 'create -s /j/s- x', 'create -e /j/e x', 'get /j', 'get -b /j', 'get -s -w /j', 'set /j two',
    'set -v 9 /j x', 'stat /j', 'stat /none', 'ls /j', 'ls -R /j', 'ls -s /none', 'getAcl /j',
    'setAcl /j world:anyone:cdrwa', 'setAcl -R /j world:anyone:cdrwa', 'setAcl /j nonsense',
    'getAllChildrenNumber /j', 'getEphemerals', 'sync /', 'whoami', 'addauth digest a:b', 'config', 'config -c',
    'reconfig -remove 9', 'reconfig', 'setquota -n 100 /j', 'listquota /j', 'delquota -n /j', 'delquota /j',
    'delquota /j', 'listquota /j', 'addWatch /j', 'removewatches /j', 'removewatches /none', 'printwatches off',
    'printwatches', 'history', 'redo 0', 'redo 999', 'version', 'help', 'help get', 'help nothing', 'nothing',
    'get', 'get -q', 'delete /j/e', 'delete /j', 'deleteall /j', 'deleteall /j', 'connect', 'close', 'get /j', 'exit',
]


def as_objects(text):
    objects = [json.loads(line) for line in text.splitlines()]
    zk.check(all(isinstance(o, dict) for o in objects), 'not all are objects: %r' % text)
    return objects


def test_json_of_every_command(server):
    mentioned = {line.split()[0] for line in JSON_COMMANDS} | {'quit'}
    helped = as_objects(expect(run(server.hosts, '--json', 'help'), 0).out)
    ours = run(None, '--zkcli', 'nonsense').err     # the list of zkCli's commands
    missing = [o['command'] for o in helped if '\t%s ' % o['command'] in ours
               and o['command'] not in mentioned]
    zk.check_equal(missing, [], 'commands without a test of their JSON')
    expect(run(server.hosts, '--json', 'quit'), 0, '{"ok":true}\n', '')
    # One at a time, so that each is known to say something.
    session = subprocess.Popen([program(), '-server', server.hosts, '--json'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clikit.environment(),
                               text=True)
    out, err = session.communicate('\n'.join(JSON_COMMANDS) + '\n', timeout=60)
    zk.check_equal(err, '')
    objects = as_objects(out)
    zk.check(len(objects) >= len(JSON_COMMANDS), 'only %d objects' % len(objects))


def test_json_of_a_node(server):
    def one(*arguments):
        objects = as_objects(run(server.hosts, '--json', *arguments).out)
        zk.check_equal(len(objects), 1)
        return objects[0]

    zk.check_equal(one('create', '/jn', 'a\u20ac"\n'), {'path': '/jn'})
    node = one('get', '/jn')
    zk.check_equal(node['data'], 'a\u20ac"\n')
    zk.check_equal(node['stat']['dataLength'], 6)
    binary = bytes(range(256))
    one('set', '-b', '/jn', base64.b64encode(binary).decode())
    zk.check_equal(base64.b64decode(one('get', '/jn')['data_base64']), binary)
    zk.check_equal(one('getAcl', '/jn')['acl'], [{'scheme': 'world', 'id': 'anyone', 'perms': 'cdrwa'}])
    zk.check_equal(one('ls', '/jn')['children'], [])
    error = one('get', '/none')['error']
    zk.check_equal(error, {'name': 'NONODE', 'code': -101, 'path': '/none', 'message': 'Node does not exist: /none'})
    event = as_objects(expect(run(server.hosts, '--json', '-c', 'get -w /jn; set /jn x; sync /'), 0).out)
    events = [o['event'] for o in event if 'event' in o]
    zk.check_equal([(e['type'], e['state'], e['path']) for e in events],
                   [('NodeDataChanged', 'SyncConnected', '/jn')])
    one('create', '/jn/null')
    zk.check_equal(one('get', '/jn/null')['data'], None)
    zk.check_equal(one('deleteall', '/jn'), {'path': '/jn', 'count': 2})


# -- Values and names of strangers ------------------------------------------------------------------

def test_values_are_printed_whole(server):
    binary = bytes(range(256)) * 16
    expect(run(server.hosts, 'create', '/v'), 0)
    expect(run(server.hosts, 'set', '-b', '/v', base64.b64encode(binary).decode()), 0)
    expect(run(server.hosts, 'get', '/v', raw=True), 0, binary + b'\n')
    expect(run(server.hosts, 'get', '-b', '/v'), 0, base64.b64encode(binary).decode() + '\n')
    dump = expect(run(server.hosts, 'get', '-x', '/v'), 0).out.splitlines()
    zk.check_equal(dump[4], '|00000010| 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f |................|')
    big = 'x' * 900000
    expect(run(server.hosts, stdin='set /v %s\nget /v\n' % big), 0, big + '\n')
    expect(run(server.hosts, '-c', 'create /v/null; get -x /v/null; set /v ""; get /v; get -x /v'), 0)
    expect(run(server.hosts, 'deleteall', '/v'), 0)


def test_names_with_control_characters(server):
    del server
    evil = b'a\x1b]0;owned\x07\n\xff\xc2\x9b'

    def answer(op, body):
        del body
        if op == 12:        # getChildren2
            return 0, b'\0\0\0\1' + ustr(evil) + stat(children=1)
        if op == 6:         # getACL
            return 0, b'\0\0\0\1' + b'\0\0\0\x1f' + ustr(evil) + ustr(evil) + stat()
        return -101, b''

    liar = Liar(answer)
    safe = 'a\\x1b]0;owned\\x07\\x0a\\xff\\xc2\\x9b'
    expect(run(liar.hosts, 'ls', '/'), 0, '[%s]\n' % safe, '')
    expect(run(liar.hosts, 'getAcl', '/'), 0, "'%s,'%s\n: cdrwa\n" % (safe, safe), '')
    as_objects(expect(run(liar.hosts, '--json', 'ls', '/'), 0).out)
    done = run(liar.hosts, 'get', '/\x1b[31m')
    zk.check('\x1b' not in done.err and done.status == 2, done)
    done = run(liar.hosts, '\x1b[31m', 'x')
    zk.check('\x1b' not in done.err and done.status == 2, done)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'evil.json')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('{"path": "a\\u001b]0;owned\\u0007"}\n')
        for words in (['cp', '/\x1b[31m', '/\x1b[31m/in'], ['cp', '/a', 'a:1/\x1b[31m/'], ['import', path, '/a'],
                      ['status', '[\x1b[31m'], ['txn', folder + '/\x1b[31m']):
            done = run(liar.hosts, *words)
            zk.check(done.err and '\x1b' not in done.err and '\x07' not in done.err and done.status in (1, 2),
                     '%s: %r' % (words, done))
    liar.close()


def test_json_of_bytes_that_are_no_text(server):
    del server
    value = b'server.1=a:1:2:participant;\xff\x1b:3\nversion=1'
    liar = Liar(lambda op, body: (0, ustr(value) + stat(data_length=len(value))))
    row = as_objects(expect(run(liar.hosts, '--json', 'config'), 0).out)[0]
    zk.check_equal((row['clients'], base64.b64decode(row['data_base64'])), ('1 \ufffd\x1b:3', value))
    liar.close()


def test_answers_that_lie(server):
    del server
    answers = {
        'a count beyond the frame': (0, b'\x7f\xff\xff\xff'),
        'a negative count': (0, b'\xff\xff\xff\xf0' + stat()),
        'nothing': (0, b''),
        'an unknown error': (-4711, b''),
    }
    for name, said in answers.items():
        liar = Liar(lambda op, body, said=said: said)
        for command in (['ls', '/'], ['get', '/'], ['getAcl', '/'], ['stat', '/'], ['whoami'], ['getEphemerals']):
            done = run(liar.hosts, '-timeout', '2000', '-request-timeout', '2000', *command)
            zk.check(done.status in (0, 1, 3), '%s: %s: %r' % (name, command, done))
        liar.close()


def test_a_server_that_goes_away_in_the_middle(server):
    del server
    hangs_up = Liar(lambda op, body: 'hang up')
    done = run(hangs_up.hosts, '-request-timeout', '3000', 'get', '/a')
    zk.check(done.status == 3 and done.err.startswith('KeeperErrorCode = '), done)
    hangs_up.close()
    silent = Liar(lambda op, body: None)
    begin = time.monotonic()
    done = run(silent.hosts, '-request-timeout', '500', 'get', '/a')
    expect(done, 3, '', 'KeeperErrorCode = OperationTimeout for /a\n')
    zk.check(time.monotonic() - begin < 5, 'took too long')
    child = subprocess.Popen([program(), '-server', silent.hosts, 'ls', '-R', '/'], stderr=subprocess.PIPE,
                             env=clikit.environment(), text=True)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    zk.check_equal(child.wait(10), 130)
    zk.check_equal(child.stderr.read(), '')
    child.stderr.close()
    for words in (['tree', '/'], ['cp', '/a', '/b'], ['mirror', '/a', '/b'],
                  ['-request-timeout', '1000', 'lock', '/l', '--', 'true']):
        child = subprocess.Popen([program(), '-server', silent.hosts, *words], stderr=subprocess.PIPE,
                                 env=clikit.environment(), text=True)
        time.sleep(0.5)
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        zk.check_equal(child.wait(30), 130, words)
        zk.check(time.monotonic() - begin < 5, '%s: Ctrl-C took %.1f s' % (words, time.monotonic() - begin))
        child.stderr.close()
    silent.close()
    begin = time.monotonic()
    child = subprocess.Popen([program(), '-server', '127.0.0.1:%d' % zk.free_port(), '-wait', '30000', 'lock', '/l',
                              '--', 'true'], env=clikit.environment())
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    zk.check_equal(child.wait(40), 130)
    zk.check(time.monotonic() - begin < 5, 'waited on for a connection')


def test_long_lines(server):
    flags = '-s ' * 1000000
    expect(run(server.hosts, stdin='ls %s/\nversion\n' % flags), 0)
    expect(run(server.hosts, stdin='ls %s\n' % flags), 2)
    expect(run(server.hosts, stdin='get %s\n' % ('x' * 3000000)), 2)
    expect(run(server.hosts, stdin=b'\0\xff\x80 /\n\0\0\n' + bytes(range(1, 256)) + b'\n'), 2)
    done = run(server.hosts, stdin=b'x' * (40 * 1024 * 1024))
    zk.check(done.status == 2 and 'a line of more than' in done.err, done.status)


def test_a_reader_that_goes_away(server):
    expect(run(server.hosts, stdin='create /wide\n' + ''.join('create /wide/n%04d\n' % i for i in range(500))), 0)
    child = subprocess.Popen('%s -server %s -c "ls -R /wide; ls -R /wide; ls -R /" | head -1'
                             % (program(), server.hosts), shell=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=clikit.environment(), text=True)
    out, err = child.communicate(timeout=20)
    zk.check_equal((out, err), ('/wide\n', ''))
    expect(run(server.hosts, 'deleteall', '/wide', '-b', '7'), 0, '', '')


# -- What is made of the tables ---------------------------------------------------------------------

def test_manual_page(server):
    del server
    page = expect(run(None, '--man'), 0).out
    with open(os.path.join(clikit.ROOT, 'docs', 'man', 'man1', 'rookery-cli.1'), encoding='utf-8') as f:
        if f.read() != page:
            raise zk.CheckFailed('docs/man/man1/rookery-cli.1 is not what rookery-cli --man prints')
    if os.path.exists('/usr/bin/man'):
        done = subprocess.run(['man', '--warnings', '-l', '/dev/stdin'], input=page, capture_output=True,
                              text=True, env=clikit.environment(MANWIDTH='80'), check=False)
        zk.check_equal((done.returncode, done.stderr), (0, ''))


def test_completion_of_other_shells(server):
    for shell in ('bash', 'zsh', 'fish'):
        script = expect(run(None, '--completion', shell), 0).out
        path = os.path.join(clikit.ROOT, 'tools', 'completions', 'rookery-cli.' + shell)
        with open(path, encoding='utf-8') as f:
            zk.check(f.read() == script, '%s is not what --completion prints' % path)
    expect(run(None, '--completion', 'csh'), 2)
    expect(run(server.hosts, '-c', 'create /comp; create /comp/one; create "/comp/on two"; create /comp/x$(id)'), 0)

    def bash(line):
        script = ('source <(rookery-cli --completion bash); COMP_LINE=$1 COMP_POINT=${#1};'
                  'compopt() { :; }; _rookery_cli; printf "%s\\n" "${COMPREPLY[@]}"')
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.abspath(program()), os.path.join(folder, 'rookery-cli'))
            env = clikit.environment(PATH=folder + ':' + os.environ['PATH'], ROOKERY_SERVER=server.hosts)
            done = subprocess.run(['bash', '-c', script, 'bash', line], capture_output=True, text=True,
                                  env=env, timeout=20, check=False)
        zk.check_equal(done.stderr, '')
        return done.stdout.splitlines()

    zk.check_equal(bash('rookery-cli setA'), ['setAcl'])
    zk.check_equal(bash('rookery-cli --js'), ['--json'])
    zk.check_equal(bash('rookery-cli get /comp/o'), ['/comp/on\\ two', '/comp/one'])
    zk.check_equal(bash('rookery-cli get /comp/x'), ['/comp/x\\$\\(id\\)'])
    expect(run(server.hosts, '-auth', 'digest:bob:x', '-c', 'create /comp/own; create /comp/own/in;'
               'setAcl /comp/own auth::cdrwa'), 0)
    zk.check_equal(bash('rookery-cli get /comp/own/'), [''])
    zk.check_equal(bash('rookery-cli -auth digest:bob:x get /comp/own/'), ['/comp/own/in'])
    zk.check_equal(bash('rookery-cli -server %s get /comp/one' % server.hosts), ['/comp/one'])
    zk.check_equal(bash('rookery-cli stat -'), ['-w'])
    zk.check_equal(bash('rookery-cli addWatch -m PERSISTENT_'), ['PERSISTENT_RECURSIVE'])
    expect(run(server.hosts, '-auth', 'digest:bob:x', 'deleteall', '/comp'), 0)


def test_picture_of_the_first_steps(server):
    """docs/first-steps.svg shows what happens."""
    del server
    build = os.path.join(clikit.ROOT, os.environ.get('BUILD', 'build'))
    if not os.path.exists(os.path.join(build, 'build.ninja')):
        raise zk.Skipped('make run needs a build folder; %s is none' % build)
    done = subprocess.run([os.path.join(clikit.ROOT, 'tools', 'record-tour'), '--check'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    if done.returncode == 77:
        raise zk.Skipped(done.stdout.strip())
    zk.check(done.returncode == 0, done.stdout)


TESTS = [
    test_exit_codes, test_texts_and_stdin, test_a_session_lasts_as_long_as_its_script, test_events_in_scripts,
    test_server_strings, test_logins, test_a_password_is_not_in_the_list_of_processes, test_client_configuration,
    test_commands_wait_for_a_connection,
    test_json_of_every_command, test_json_of_a_node, test_values_are_printed_whole,
    test_names_with_control_characters, test_json_of_bytes_that_are_no_text, test_answers_that_lie, test_a_server_that_goes_away_in_the_middle,
    test_long_lines, test_a_reader_that_goes_away, test_manual_page, test_completion_of_other_shells,
    test_picture_of_the_first_steps,
]
