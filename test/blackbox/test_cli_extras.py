#!/usr/bin/python3
"""What rookery-cli has beyond zkCli: trees, copies, locks, watches, the state of ensembles.

Real servers, ours and Apache's where it matters; $ROOKERY_CLI or rookery-cli of the build directory.
"""
import base64
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkensemble
import zkharness as zk
import zkwire as w
from zkharness import check, check_equal

CLI = os.environ.get('ROOKERY_CLI') or os.path.join(zk.build_dir(), 'rookery-cli')
WORK = tempfile.mkdtemp(prefix='rookery-cli-extras-')
zk.at_end.append(lambda: shutil.rmtree(WORK, ignore_errors=True))
ENV = {k: v for k, v in os.environ.items() if not k.startswith('ROOKERY_') and k not in ('EDITOR', 'VISUAL')}

OK, FAILED, USAGE, NOT_CONNECTED, DENIED, WARNED, LOST, STOPPED = 0, 1, 2, 3, 4, 5, 75, 130


class Done:
    def __init__(self, code, out, err, rss_kb):
        self.code, self.out, self.err, self.rss_kb = code, out, err, rss_kb
        self.lines = out.splitlines()

    @property
    def json(self):
        return [json.loads(line) for line in self.lines]


def start(server, *words, env=None, options=(), **kwargs):
    hosts = server if isinstance(server, str) else server.hosts
    return subprocess.Popen([CLI, '-server', hosts, *options, *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**ENV, **(env or {})}, cwd=WORK,
                            stdin=kwargs.pop('stdin', subprocess.DEVNULL), **kwargs)


def finish(process, data=None, timeout_s=60):
    """Both streams and the most memory that the process had."""
    texts = {}

    def read(name):
        texts[name] = getattr(process, name).read()

    readers = [threading.Thread(target=read, args=(n,)) for n in ('stdout', 'stderr')]
    for r in readers:
        r.start()
    if data is not None:
        process.stdin.write(data)
        process.stdin.close()
    deadline = time.monotonic() + timeout_s
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline:
            process.kill()
            os.wait4(process.pid, 0)
            raise zk.CheckFailed('%s: not done within %d s' % (process.args, timeout_s))
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    for r in readers:
        r.join()
    return Done(process.returncode, texts['stdout'].decode(), texts['stderr'].decode(), usage.ru_maxrss)


def cli(server, *words, code=OK, data=None, **kwargs):
    if data is not None:
        kwargs['stdin'] = subprocess.PIPE
    done = finish(start(server, *words, **kwargs), data)
    if code is not None and done.code != code:
        raise zk.CheckFailed('%s: exit code %d instead of %d\n%s%s' % (' '.join(words), done.code, code,
                                                                     done.out[-2000:], done.err[-2000:]))
    return done


def jcli(server, *words, **kwargs):
    return cli(server, *words, options=('--json',), **kwargs).json


def script(server, text):
    """Commands by standard input: many with one session."""
    return cli(server, data=text.encode())


def path(name):
    return os.path.join(WORK, name)


def write_file(name, text):
    with open(path(name), 'w') as f:
        f.write(text)
    return path(name)


def place(name):
    return 'file:' + name


def same(server, a, b, *flags):
    return cli(server, 'diff', *flags, a, b, code=None).code == OK


def eventually(what, fn, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not fn():
        check(time.monotonic() < deadline, what + ': not within %d s' % timeout_s)
        time.sleep(0.02)


def small_tree(server, root):
    c = w.Client(server)
    for name, data in (('', b'top'), ('/b', b'banana\nsecond line'), ('/a', b'apple'), ('/a/deep', b''),
                       ('/a-dash', b'\x00\xff binary needle'), ('/n', None)):
        reply = c.call(w.CREATE, w.create(root + name, data))
        check_equal(reply.err, 0, 'create ' + root + name)
    c.close_session()


# -- looking ------------------------------------------------------------------------------------

def test_tree(s):
    small_tree(s, '/tree')
    out = cli(s, 'tree', '/tree').lines
    check_equal(out[:6], ['/tree', '├── a', '│   └── deep', '├── a-dash', '├── b', '└── n'])
    check(out[-1].startswith('6 nodes (0 ephemeral), '), out[-1])
    rows = jcli(s, 'tree', '-depth', '1', '/tree')
    check_equal([r['path'] for r in rows], ['/tree', '/tree/a', '/tree/a-dash', '/tree/b', '/tree/n'])
    check_equal((rows[1]['depth'], rows[1]['dataLength'], rows[1]['numChildren']), (1, 5, 1))
    check('Node does not exist' in cli(s, 'tree', '/none', code=FAILED).err, 'no such node')
    cli(s, 'tree', '-depth', 'x', '/tree', code=USAGE)


def test_du(s):
    rows = jcli(s, 'du', '-depth', '2', '-sort', 'path', '/tree')
    by_path = {r['path']: (r['nodes'], r['bytes']) for r in rows}
    check_equal(by_path['/tree/a'], (2, 5))
    check_equal(by_path['/tree'][0], 6)
    check_equal(by_path['/tree'][1], sum(r['dataLength'] for r in jcli(s, 'tree', '/tree')))
    first = jcli(s, 'du', '-top', '1', '/tree')
    check_equal([r['path'] for r in first], ['/tree'])
    cli(s, 'du', '-sort', 'colour', '/tree', code=USAGE)


def test_find(s):
    small_tree(s, '/find')
    c = w.Client(s)
    c.call(w.CREATE, w.create('/find/eph', b'x', flags=1))
    owner = '0x%x' % (c.session & (2 ** 64 - 1))

    def found(*rules):
        return [r['path'] for r in jcli(s, 'find', '/find', *rules) if 'path' in r]

    check_equal(found('-name', 'a*'), ['/find/a', '/find/a-dash'])
    check_equal(found('-path', '*/a/*'), ['/find/a/deep'])
    check_equal(found('-regex', '^/find/(b|n)$'), ['/find/b', '/find/n'])
    check_equal(found('-ephemeral'), ['/find/eph'])
    check_equal(found('-owner', owner), ['/find/eph'])
    check_equal(found('-type', 'p', '-size=-1'), ['/find/a/deep', '/find/n'])
    check_equal(found('-size', '+15'), ['/find/a-dash', '/find/b'])
    check_equal(found('-children', '+0'), ['/find', '/find/a'])
    check_equal(found('-mindepth', '2'), ['/find/a/deep'])
    check_equal(found('-age', '1h'), [])
    check_equal(len(found('-age=-1h')), 7)
    check_equal(found('-limit', '1'), ['/find'])
    check_equal(jcli(s, 'find', '/find', '-name', 'nothing'), [{'count': 0}])
    cli(s, 'find', '/find', '-regex', '(', code=USAGE)
    check('ephemeral' in cli(s, 'find', '/find', '-l', '-ephemeral').out, 'long form')
    c.close_session()


def test_grep(s):
    small_tree(s, '/grep')
    check_equal(cli(s, 'grep', '-n', 'second|app', '/grep').lines,
                ['/grep/a:1:apple', '/grep/b:2:second line'])
    check_equal(cli(s, 'grep', 'needle$', '/grep').lines, ['/grep/a-dash: binary data matches'])
    check_equal(cli(s, 'grep', '-l', '-i', '-F', 'APPLE', '/grep').lines, ['/grep/a'])
    check_equal(cli(s, 'grep', '-c', 'n', '/grep/b').lines, ['/grep/b:2'])
    cli(s, 'grep', 'not there', '/grep', code=FAILED)
    cli(s, 'grep', '[', '/grep', code=USAGE)
    rows = jcli(s, 'grep', 'apple', '/grep')
    check_equal(rows, [{'path': '/grep/a', 'line': 1, 'data': 'apple'}])


def test_denied(s):
    script(s, 'create /denied top\ncreate /denied/in x\ncreate /denied/secret y\n'
              'setAcl /denied/secret world:anyone:a\n')
    done = cli(s, 'tree', '/denied', code=DENIED)
    check('no permission' in done.out and 'could not be read' in done.err, done.out + done.err)
    done = cli(s, 'cp', '-r', '/denied', '/denied2', code=FAILED)
    check('1 not readable' in done.out, done.out)
    script(s, 'create /readonly x\nsetAcl /readonly world:anyone:r\n')
    done = cli(s, 'cp', '/tree/b', '/readonly/b', code=None)
    check(done.code in (FAILED, DENIED), 'a copy into a node that refuses: %d' % done.code)


def test_vanishing(s):
    script(s, 'create /vanish x\n' + ''.join('create /vanish/%04d x\n' % i for i in range(800)))
    c = w.Client(s)
    stop = threading.Event()

    def churn():
        i = 0
        while not stop.is_set() and i < 800:
            c.call(w.DELETE, w.path_version('/vanish/%04d' % (799 - i)))
            i += 1

    t = threading.Thread(target=churn)
    t.start()
    for _ in range(3):
        cli(s, 'du', '/vanish')
        cli(s, 'grep', 'x', '/vanish')
    stop.set()
    t.join()
    c.close_session()


# -- copies -------------------------------------------------------------------------------------

def test_export_import(s):
    small_tree(s, '/exp')
    script(s, 'create -c /exp/box inbox\ncreate /exp/acl x\nsetAcl /exp/acl world:anyone:rwa\n')
    done = cli(s, 'export', '/exp', path('e.json'))
    check('8 nodes' in done.out, done.out)
    check_equal(os.stat(path('e.json')).st_mode & 0o777, 0o600)
    rows = [json.loads(x) for x in open(path('e.json'))]
    check_equal((rows[0]['format'], rows[0]['root'], rows[-1]), ('rookery-export', '/exp', {'end': True, 'nodes': 8}))
    by_path = {r['path']: r for r in rows[1:-1]}
    check_equal(base64.b64decode(by_path['/a-dash']['data_base64']), b'\x00\xff binary needle')
    # A server tells no client which nodes are containers.
    check_equal((by_path['/n']['data'], by_path['/box']['type']), (None, 'persistent'))
    check_equal(by_path['/acl']['acl'], [{'scheme': 'world', 'id': 'anyone', 'perms': 'rwa'}])
    cli(s, 'import', path('e.json'), '/restored/below')
    check(same(s, '/exp', '/restored/below', '-acl'), 'restored as it was')
    check(same(s, '/exp', place(path('e.json')), '-acl'), 'a tree and its file')
    check_equal(jcli(s, 'export', '/exp')[-1], {'end': True, 'nodes': 8})
    check_equal(cli(s, 'export', '/exp', '-').lines[1:-1], [x.rstrip('\n') for x in open(path('e.json'))][1:-1])


class LosesAnswer:
    """In front of a server: the answer to the first request of a kind is lost, and all behind it; with hangs_up the
    connection, too, and the next one is a good one."""

    def __init__(self, server, op, hangs_up):
        self.server, self.op, self.hangs_up = server, op, hangs_up
        self.is_lost = False
        self.listener = socket.create_server((zk.HOST, 0))
        self.hosts = '%s:%d' % self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            up = self.server.connect()
            state = {'deaf': False}
            threading.Thread(target=self.answers, args=(up, client, state), daemon=True).start()
            threading.Thread(target=self.requests, args=(client, up, state), daemon=True).start()

    def answers(self, up, client, state):
        try:
            while chunk := up.recv(65536):
                if not state['deaf']:
                    client.sendall(chunk)
        except OSError:
            pass

    def requests(self, client, up, state):
        file = client.makefile('rb')
        is_connect = True
        try:
            while head := file.read(4):
                body = file.read(int.from_bytes(head, 'big'))
                is_it = not is_connect and not self.is_lost and struct.unpack('>i', body[4:8])[0] == self.op
                is_connect = False
                state['deaf'] = state['deaf'] or is_it
                up.sendall(head + body)
                if is_it:
                    self.is_lost = True
                    time.sleep(0.3)  # it is carried out
                    if self.hangs_up:
                        break
        except OSError:
            pass
        client.shutdown(socket.SHUT_RDWR)
        client.close()
        up.close()


def test_unanswered(s):
    """A transaction whose answer does not come: nobody says that nothing was done."""
    script(s, 'create /un x\n')
    file = write_file('un.txt', 'set /un y\ncreate -s /un/q z\n')
    for words in (('txn', file), ('mv', '/un', '/un2')):
        deaf = LosesAnswer(s, w.MULTI, False)
        done = cli(deaf, *words, options=('-request-timeout', '500'), code=NOT_CONNECTED)
        check('OperationTimeout' in done.err and 'nothing was moved' not in done.err, done.err)
        deaf.listener.close()
    cli(s, 'get', '/un2')


def test_hidden_acls(s):
    """Who may not administer a node sees digests without hashes: nothing is made with such an ACL."""
    login = {'ROOKERY_AUTH': 'digest:bob:secret'}
    for i, kind in enumerate((s, None)):
        if kind is None:
            if not zk.have('apache')[0]:
                break
            kind = zk.start('apache')
        cli(kind, env=login, data=b'create /hid top\ncreate /hid/own x\nsetAcl /hid/own auth::cdrwa,world:anyone:r\n')
        for words in (('cp', '-r', '-acl', '/hid', '/hid1'), ('mirror', '-acl', '/hid', '/hid2'), ('mv', '/hid', '/hid3')):
            done = cli(kind, *words, code=FAILED)
            check('its ACL may not be read' in done.err, done.err)
            cli(kind, 'get', words[-1] + '/own', code=FAILED)
        cli(kind, 'get', '/hid/own')
        done = cli(kind, 'export', '/hid', path('hid.json'), code=FAILED)
        check('no import will take it' in done.err, done.err)
        check('ACL' in cli(kind, 'import', path('hid.json'), '/hid4', code=FAILED).err, 'told')
        cli(kind, 'get', '/hid4/own', code=FAILED)
        cli(kind, 'import', '-no-acl', path('hid.json'), '/hid5')
        cli(kind, 'mv', '/hid', '/hid6', env=login)
        acl = jcli(kind, 'getAcl', '/hid6/own', env=login)[0]['acl']
        check(len([e for e in acl if e['id'].startswith('bob:') and len(e['id']) > 20]) == 1, acl)
        if i == 1:
            kind.destroy()


def test_same_server_by_name(s):
    """The session's own hosts in a place are this session: what lies in what is seen."""
    script(s, 'create /own x\ncreate /own/in y\ncreate /own/other z\n')
    check('would be deleted' in cli(s, 'mirror', '-delete', s.hosts + '/own/in', '/own', code=USAGE).err, 'source')
    check('is in' in cli(s, 'cp', '-r', s.hosts + '/own', '/own/in/copy', code=USAGE).err, 'into itself')
    cli(s.hosts + '/', 'mirror', '-delete', s.hosts + '/own/in', '/own', code=USAGE)
    cli(s, 'get', '/own/other')
    check('1 created' not in cli(s, 'mv', s.hosts + '/own', '/own2').err, 'one transaction')
    # "/" alone is no chroot: /zookeeper is the server's.
    cli(s.hosts + '/', 'export', '/', path('root.json'), code=None)
    check('/zookeeper' not in [json.loads(x).get('path') for x in open(path('root.json'))], 'the system')


def test_export_targets(s):
    """A file that is no file stays what it is; nobody reads an export who could read its draft."""
    os.mkfifo(path('pipe'))
    process = start(s, 'export', '/exp', path('pipe'))
    lines = open(path('pipe')).read().splitlines()
    check_equal((finish(process).code, len(lines)), (OK, 10))
    check(stat.S_ISFIFO(os.stat(path('pipe')).st_mode), 'the pipe is a pipe')
    os.unlink(path('pipe'))
    os.chmod(write_file('e2.json.part', 'x' * 100000), 0o644)
    cli(s, 'export', '/exp', path('e2.json'))
    check_equal(os.stat(path('e2.json')).st_mode & 0o777, 0o600)
    check(same(s, '/exp', place(path('e2.json'))), 'the whole of it')
    check(cli(s, 'mv', '/exp', '-', code=USAGE).err, 'mv reads it again')


def test_answer_to_a_set_is_lost(s):
    """What was set by us and is sent again finds another version: ours, which is no failure."""
    script(s, 'create /lost x\ncreate /lostcopy y\n')
    proxy = LosesAnswer(s, w.SET_DATA, True)
    done = jcli(s, 'mirror', '/lost', proxy.hosts + '/lostcopy')[-1]
    check_equal((proxy.is_lost, done['set'], done['failed']), (True, 1, 0))
    check_equal(jcli(s, 'get', '/lostcopy')[0]['stat']['version'], 1)
    proxy.listener.close()


def test_import_modes(s):
    file = path('e.json')
    cli(s, 'import', file, '/modes')
    script(s, 'set /modes/b mine\ndelete /modes/a/deep\n')
    done = cli(s, 'import', file, '/modes', code=FAILED)
    check('Node already exists: /modes' in done.err, done.err)
    check(not jcli(s, 'find', '/modes', '-name', 'deep')[0].get('path'), 'nothing was begun')
    dry = jcli(s, 'import', '-overwrite', '-dry-run', file, '/modes')
    check_equal([(r['would'], r['path']) for r in dry[:-1]], [('create', '/modes/a/deep'), ('set', '/modes/b')])
    done = cli(s, 'import', '-skip', file, '/modes')
    check('1 created, 7 left as they were' in done.out, done.out)
    check_equal(cli(s, 'get', '/modes/b').out.strip(), 'mine')
    cli(s, 'import', '-overwrite', file, '/modes')
    check(same(s, '/modes', '/exp'), 'overwritten')


def test_bad_files(s):
    lines = open(path('e.json')).read().splitlines()
    broken = {
        'cut.json': ('\n'.join(lines[:-1]) + '\n', 'breaks off'),
        'count.json': ('\n'.join(lines[:3] + lines[4:]) + '\n', 'number of nodes'),
        'noise.json': (lines[0] + '\nnot json\n', 'line 2: not a JSON object'),
        'path.json': ('{"path": "/a/../b"}\n', 'line 1: the path /a/../b'),
        'data.json': ('{"path": "/x", "data": 7}\n', '"data" is neither'),
        'base.json': ('{"path": "/x", "data_base64": "?"}\n', 'no base64'),
        'acl.json': ('{"path": "/x", "acl": [{"scheme": "world", "id": "anyone", "perms": "zz"}]}\n', '"acl" lacks'),
        'other.json': ('{"format": "rookery-export", "version": 2}\n', 'only version 1'),
    }
    for i, (name, (text, said)) in enumerate(broken.items()):
        done = cli(s, 'import', '-no-acl', write_file(name, text), '/bad%d' % i, code=FAILED)
        check(said in done.err, '%s: %s' % (name, done.err))
    unsorted = write_file('unsorted.json', '{"path": "/"}\n{"path": "/b"}\n{"path": "/a"}\n')
    check('not in the order' in cli(s, 'diff', '/exp', place(unsorted), code=FAILED).err, 'order')
    cli(s, 'import', unsorted, '/unsorted')
    check('cannot read' in cli(s, 'import', path('none.json'), '/x', code=FAILED).err, 'no file')


def test_cp(s):
    small_tree(s, '/cp')
    done = cli(s, 'cp', '/cp', '/cp1')
    check('3 children' in done.err or 'children not copied' in done.err, done.err)
    cli(s, 'cp', '-r', '/cp', '/cp2')
    check(same(s, '/cp', '/cp2'), 'copied')
    check('already exists' in cli(s, 'cp', '-r', '/cp', '/cp2', code=FAILED).err, 'is there')
    cli(s, 'cp', '/cp', '/no/such/parent', code=FAILED)
    cli(s, 'cp', '-p', '/cp', '/no/such/parent')
    check('is in' in cli(s, 'cp', '-r', '/cp', '/cp/a/copy', code=USAGE).err, 'into itself')
    cli(s, 'cp', '/cp', '/cp/', code=USAGE)
    cli(s, 'cp', 'a', 'b.json', code=USAGE)


def test_mirror(s, other, root):
    small_tree(s, root)
    hosts = other.hosts
    cli(s, 'mirror', root, hosts + root)
    check(same(s, root, hosts + root), 'mirrored')
    script(s, 'set R/b changed\ncreate R/new x\ndelete R/a-dash\n'.replace('R', root))
    script(other, 'create R/extra x\ncreate R/extra/below y\n'.replace('R', root))
    c = w.Client(other)
    c.call(w.CREATE, w.create(root + '/holds', b''))
    c.call(w.CREATE, w.create(root + '/holds/eph', b'', flags=1))
    dry = jcli(s, 'mirror', '-delete', '-dry-run', root, hosts + root)
    check_equal([(r['would'], r['path']) for r in dry[:-1]],
                [('delete', root + '/a-dash'), ('set', root + '/b'), ('delete', root + '/extra/below'),
                 ('delete', root + '/extra'), ('create', root + '/new')])
    done = jcli(s, 'mirror', '-delete', root, hosts + root)[-1]
    check_equal((done['created'], done['set'], done['deleted'], done['ephemerals'], done['kept']), (1, 1, 3, 1, 1))
    differ = jcli(s, 'diff', root, hosts + root, code=FAILED)
    check_equal([(r['path'], r['change']) for r in differ], [('/holds', 'only_b'), ('/holds/eph', 'only_b')])
    c.close_session()
    # Back, from there to here, with what is the same left alone.
    script(other, 'set %s/n back\n' % root)
    done = jcli(s, 'mirror', '-delete', hosts + root, root)[-1]
    check_equal((done['set'], done['created']), (1, 1))
    # What may not be read in the source is not known to be gone.
    script(s, 'create R/dark x\ncreate R/dark/in y\n'.replace('R', root))
    cli(s, 'mirror', root, hosts + root)
    script(s, 'setAcl %s/dark world:anyone:a\n' % root)
    done = jcli(s, 'mirror', '-delete', root, hosts + root, code=FAILED)[-1]
    check_equal((done['deleted'], done['unreadable']), (0, 1))
    cli(other, 'get', root + '/dark/in')
    script(s, 'setAcl R/dark world:anyone:cdrwa\ncreate R/dark/below z\n'.replace('R', root))
    check('would be deleted' in cli(s, 'mirror', '-delete', root + '/dark', root, code=USAGE).err, 'own root')
    empty = write_file('empty.json', '{"format":"rookery-export","version":1}\n{"end":true,"nodes":0}\n')
    cli(s, 'mirror', '-delete', place(empty), root, code=FAILED)
    check(len(jcli(s, 'tree', root)) > 5, 'an empty source deletes nothing')


def test_apache(s, apache):
    small_tree(apache, '/ap')
    script(apache, 'addauth digest u:p\ncreate /ap/mine x\nsetAcl /ap/mine auth::cdrwa,world:anyone:r\n')
    login = {'ROOKERY_AUTH': 'digest:u:p'}
    cli(apache, 'export', '/ap', path('ap.json'), env=login)
    cli(s, 'import', path('ap.json'), '/ap')
    check(same(s, '/ap', apache.hosts + '/ap', '-acl'), 'Apache to ours')
    check_equal(cli(s, 'diff', '-acl', '/ap', apache.hosts + '/ap', env=login).out, '')
    cli(apache, 'import', path('e.json'), '/fromours')
    check(same(s, '/exp', apache.hosts + '/fromours', '-acl'), 'ours to Apache')


def test_apache_says(apache):
    """What Apache's server answers to words and watches is understood, too."""
    process = start(apache, 'watch', '-n', '2', '/said', options=('--json',))
    eventually('the watch', lambda: 'zk_watch_count\t0' not in apache.four('mntr'))
    script(apache, 'create /said x\ncreate /said/below y\n')
    check_equal([(r['event'], r['path']) for r in finish(process).json],
                [('created', '/said'), ('created', '/said/below')])
    c = w.Client(apache)
    c.call(w.GET_DATA, w.path_watch('/said', True))
    row = jcli(apache, 'top', '-once', '-interval', '200')[0]
    check('0x%x' % c.session in [x['session'] for x in row['clients']], row['clients'])
    check({'path': '/said', 'watchers': 1} in row['paths'], row['paths'])
    c.close_session()
    rows = jcli(apache, 'doctor', '-quick', apache.conf_path, code=None)
    check_equal([r['level'] for r in rows if r['check'] in ('server', 'clock')], ['OK', 'OK'])
    status = jcli(apache, 'status')[0]['servers'][0]
    check_equal((status['role'], status['version']), ('standalone', '3.8.0'))
    cli(apache, 'lock', '/l', '--', 'sh', '-c', 'exit 3', code=3)
    cli(apache, 'elect', '/e', '--', 'sh', '-c', 'exit 4', code=4)
    cli(apache, 'mv', '/said', '/moved')
    check_equal([r['path'] for r in jcli(apache, 'tree', '/moved')], ['/moved', '/moved/below'])
    rows = jcli(apache, 'txn', data=b'check /moved\ncreate -s /moved/q x\nset /moved y\n')
    check_equal([r['result'] for r in rows], ['OK'] * 3)


def test_chroot(s):
    script(s, 'create /jail x\ncreate /jail/zookeeper y\ncreate /jail/a z\n')
    check_equal([r['path'] for r in jcli(s.hosts + '/jail', 'tree', '/')], ['/', '/a', '/zookeeper'])
    cli(s.hosts + '/jail', 'export', '/', path('jail.json'))
    check(same(s, '/jail', place(path('jail.json'))), 'nothing of a chroot is left out')
    check_equal(cli(s.hosts + '/jail', 'lock', '/l', '--', 'sh', '-c', 'echo $ROOKERY_PATH').out, '/l\n')
    check(jcli(s, 'tree', '/jail/l'), 'the lock is below the chroot')
    cli(s, 'export', '/', path('all.json'), code=None)  # an earlier test left a node that none may read
    check('/zookeeper' not in [json.loads(x).get('path') for x in open(path('all.json'))], 'the system')


def test_mv(s):
    small_tree(s, '/mv')
    script(s, 'setAcl /mv/b world:anyone:cdra\n')
    cli(s, 'cp', '-r', '-acl', '/mv', '/mvcopy')
    done = cli(s, 'mv', '/mv', '/moved')
    check('6 created, 6 deleted' in done.out and done.err == '', done.out + done.err)
    check(same(s, '/mvcopy', '/moved', '-acl'), 'moved with ACLs')
    cli(s, 'get', '/mv', code=FAILED)
    done = cli(s, 'mv', '/moved', '/mvcopy', code=FAILED)
    check('nothing was moved' in done.err and 'already exists: /mvcopy' in done.err, done.err)
    # Too large for one transaction.
    c = w.Client(s)
    c.call(w.CREATE, w.create('/big', b''))
    for i in range(4):
        c.call(w.CREATE, w.create('/big/%d' % i, b'x' * 400000))
    done = cli(s, 'mv', '/big', '/big2')
    check('too large' in done.err and '5 created, 5 deleted' in done.out, done.out + done.err)
    # An ephemeral stays, and what is above it.
    c.call(w.CREATE, w.create('/big2/sub', b''))
    c.call(w.CREATE, w.create('/big2/sub/eph', b'', flags=1))
    done = cli(s, 'mv', '/big2', '/big3', code=FAILED)
    check('ephemeral' in done.err and '3 kept' in done.out, done.out + done.err)
    check_equal([r['path'] for r in jcli(s, 'tree', '/big2')], ['/big2', '/big2/sub', '/big2/sub/eph'])
    check_equal(len(jcli(s, 'tree', '/big3')), 6)
    c.close_session()


def big_file(nodes, data='x' * 20):
    """An export of that many nodes, a hundred to a folder."""
    name = path('big%d.json' % nodes)
    if os.path.exists(name):
        return name
    with open(name, 'w') as f:
        f.write('{"format":"rookery-export","version":1}\n{"path":"/"}\n')
        written = 1
        folder = 0
        while written < nodes:
            f.write('{"path":"/%05d","data":"folder"}\n' % folder)
            written += 1
            for i in range(min(99, nodes - written)):
                f.write('{"path":"/%05d/node-%02d","data":"%s"}\n' % (folder, i, data))
                written += 1
            folder += 1
        f.write('{"end":true,"nodes":%d}\n' % written)
    return name


def test_large(s):
    """100,000 nodes: in, looked at, out; the memory does not grow with them."""
    nodes = 100000
    name = big_file(nodes)
    took = cli(s, 'import', name, '/large')
    check('%d created' % nodes in took.out, took.out)
    for words in (('tree', '/large'), ('du', '/large'), ('grep', '-c', 'nothing', '/large'),
                  ('export', '/large', path('large.json')), ('diff', '/large', place(name))):
        done = cli(s, *words, code=None)
        check(done.code in (OK, FAILED) and done.code == (FAILED if words[0] == 'grep' else OK),
              '%s: %d %s' % (words[0], done.code, done.err))
        check(done.rss_kb < 64 << 10, '%s took %d KiB' % (words[0], done.rss_kb))
    check(took.rss_kb < 64 << 10, 'import took %d KiB' % took.rss_kb)
    cli(s, 'deleteall', '/large')


def test_restart_in_import():
    """The server is killed twice in the middle and comes back: nothing is missing in the end."""
    with zk.start('rookery') as s:
        process = start(s, 'import', big_file(40000), '/large')
        for _ in range(2):
            time.sleep(random.uniform(0.15, 0.3))
            s.kill()
            s.start()
        done = finish(process)
        check(done.code == OK, done.out + done.err)
        check(same(s, place(big_file(40000)), '/large'), 'all is there')


def test_server_dies():
    with zk.start('rookery') as s:
        process = start(s, 'import', big_file(100000), '/large', options=('-timeout', '4000'))
        time.sleep(0.2)
        s.kill()
        done = finish(process)
        check_equal(done.code, NOT_CONNECTED, done.out + done.err)
        check('not known whether' in done.err, done.err)
        check_equal(cli(s, 'tree', options=('-wait', '300'), code=NOT_CONNECTED).out, '')


# -- changing -----------------------------------------------------------------------------------

def editor(text):
    name = write_file('editor-%d' % len(os.listdir(WORK)), '#!/bin/sh\n' + text)
    os.chmod(name, 0o700)
    return {'EDITOR': name}


def test_edit(s):
    script(s, 'create /edit one\n')
    cli(s, 'edit', '/edit', env=editor('grep -q one "$1" && echo two > "$1"\n'))
    check_equal(cli(s, 'get', '/edit').out.strip(), 'two')
    check_equal(jcli(s, 'edit', '/edit', env=editor('true\n')), [{'path': '/edit', 'changed': False, 'version': 1}])
    done = cli(s, 'edit', '/edit', env=editor('echo three > "$1"; exit 3\n'), code=FAILED)
    check('ended with 3' in done.err, done.err)
    cli(s, 'edit', '/none', env=editor('true\n'), code=FAILED)
    meddle = '%s -server %s set /edit theirs >/dev/null; echo mine > "$1"\n' % (CLI, s.hosts)
    done = cli(s, 'edit', '/edit', env=editor(meddle), code=FAILED)
    check('what you wrote is in' in done.err, done.err)
    kept = re.search(r'what you wrote is in (\S+)', done.err).group(1)
    check_equal(open(kept).read(), 'mine\n')
    os.unlink(kept)
    cli(s, 'edit', '-on-conflict', 'overwrite', '/edit', env=editor(meddle))
    check_equal(cli(s, 'get', '/edit').out.strip(), 'mine')


def on_terminal(server, words, answers, env, timeout_s=20):
    """Runs a command on a terminal of its own and answers what it asks. (status, all that was shown)"""
    return type_to([CLI, '-server', server.hosts, *words], answers, env, timeout_s)


def type_to(argv, answers, env, timeout_s=20):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(env)
        os.chdir(WORK)
        os.execv(argv[0], argv)
    seen, deadline = b'', time.monotonic() + timeout_s
    answers = list(answers)
    while time.monotonic() < deadline:
        ready, _, _ = select.select([fd], [], [], 0.1)
        try:
            chunk = os.read(fd, 4096) if ready else b''
        except OSError:
            break
        seen += chunk
        if answers and answers[0][0] in seen:
            seen = b''
            os.write(fd, answers.pop(0)[1])
        if ready and not chunk:
            break
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_edit_asks(s):
    script(s, 'create /asks one\n')
    meddle = '%s -server %s set /asks theirs >/dev/null; echo mine > "$1"\n' % (CLI, s.hosts)
    code, _ = on_terminal(s, ['edit', '/asks'], [(b'keep the file', b'o\n')], editor(meddle))
    check_equal((code, cli(s, 'get', '/asks').out.strip()), (OK, 'mine'))
    code, seen = on_terminal(s, ['edit', '/asks'], [(b'keep the file', b'q\n')],
                             editor(meddle.replace('mine', 'other')))
    check_equal((code, cli(s, 'get', '/asks').out.strip()), (FAILED, 'theirs'))
    os.unlink(re.search(r'what you wrote is in (\S+)', seen).group(1))
    once = write_file('once', '')
    again = 'if [ -f %s ]; then rm %s; %s -server %s set /asks newer >/dev/null; echo lost > "$1"; ' \
            'else sed -i s/newer/merged/ "$1"; fi\n' % (once, once, CLI, s.hosts)
    code, seen = on_terminal(s, ['edit', '/asks'], [(b'keep the file', b'e\n')], editor(again))
    check_equal((code, cli(s, 'get', '/asks').out.strip()), (OK, 'merged'), seen)


def test_txn(s):
    script(s, 'create /txn x\n')
    file = write_file('t.txt', '# all or nothing\ncheck -v 0 /txn\ncreate /txn/a "two words"\n\n'
                               'create -s /txn/q- x world:anyone:cdrwa\nset /txn new\ndelete /txn/a\n')
    rows = jcli(s, 'txn', file)
    check_equal([(r['op'], r['path'], r['result']) for r in rows],
                [('check', '/txn', 'OK'), ('create', '/txn/a', 'OK'), ('create', '/txn/q-0000000001', 'OK'),
                 ('set', '/txn', 'OK'), ('delete', '/txn/a', 'OK')])
    check_equal(rows[3]['stat']['version'], 1)
    done = cli(s, 'txn', data=b'create /txn/b x\ncheck -v 7 /txn\nset /txn y\n', code=FAILED)
    check_equal([x.split()[0] for x in done.lines], ['RUNTIMEINCONSISTENCY', 'BADVERSION', 'RUNTIMEINCONSISTENCY'])
    check('line 2 failed' in done.err, done.err)
    cli(s, 'get', '/txn/b', code=FAILED)
    for bad in (b'make /x\n', b'create\n', b'set /x\n', b'create -z /x\n', b'delete -v x /x\n', b'create x\n', b''):
        cli(s, 'txn', data=bad, code=USAGE)


# -- watching, locking --------------------------------------------------------------------------

def ready(process, text=b'watching'):
    line = process.stderr.readline()
    check(text in line, 'said %r' % line)


def test_watch(s):
    for flags in ((), ('-plain',)):
        root = '/watch%d' % len(flags)
        script(s, 'create %s x\n' % root)
        process = start(s, 'watch', '-data', '-n', '5', *flags, root, '-exec',
                        'echo "$ROOKERY_EVENT $ROOKERY_PATH" >> ' + path('exec' + root[1:]))
        ready(process)
        c = w.Client(s)
        # The plain way may see two quick changes as one: one at a time.
        for i, (op, body) in enumerate((
                (w.CREATE, w.create(root + '/a', b'1')), (w.CREATE, w.create(root + '/a/b', b'2')),
                (w.SET_DATA, w.set_data(root + '/a/b', b'3')), (w.DELETE, w.path_version(root + '/a/b')),
                (w.SET_DATA, w.set_data(root, b'4')))):
            c.call(op, body)
            log = path('exec' + root[1:])
            eventually('change %d of %s' % (i, root),
                       lambda: os.path.exists(log) and len(open(log).readlines()) > i)
        done = finish(process)
        check_equal([x.split(' ', 1)[1] for x in done.lines],
                    ['created %s/a = 1' % root, 'created %s/a/b = 2' % root, 'changed %s/a/b = 3' % root,
                     'deleted %s/a/b' % root, 'changed %s = 4' % root])
        c.close_session()
    check_equal(jcli(s, 'watch', '-for', '100ms', '/watch0'), [{'count': 0}])


class OldServer:
    """In front of a server: one that does not know addWatch, and so ends the session (before 3.6)."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server((zk.HOST, 0))
        self.hosts = '%s:%d' % self.listener.getsockname()
        self.refused = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            up = self.server.connect()
            threading.Thread(target=self.answers, args=(up, client), daemon=True).start()
            threading.Thread(target=self.requests, args=(client, up), daemon=True).start()

    def answers(self, up, client):
        try:
            while chunk := up.recv(65536):
                client.sendall(chunk)
        except OSError:
            pass
        client.close()

    def requests(self, client, up):
        file = client.makefile('rb')
        is_first = True
        try:
            while head := file.read(4):
                body = file.read(int.from_bytes(head, 'big'))
                xid, op = struct.unpack('>ii', body[:8])
                if not is_first and op == w.ADD_WATCH:
                    self.refused += 1
                    client.sendall(struct.pack('>iiqi', 16, xid, 0, -6))
                    up.sendall(struct.pack('>iii', 8, 1, w.CLOSE_SESSION))
                    break
                is_first = False
                up.sendall(head + body)
        except OSError:
            pass
        up.close()


def test_interactive(s):
    """Commands that Ctrl-C ends leave the shell as it was, and no watch behind."""
    prompt = b'] '
    code, _ = on_terminal(s, ['-no-color'], [
        (prompt, b'watch /\n'), (b'watching', b'\x03'), (prompt, b'create /inter x\n'), (b'Created', b'top\n'),
        (b'session ', b'\x03'), (prompt, b'tree /inter\n'), (b'1 nodes', b'lock /il -- echo held\n'),
        (b'held\r\n', b'wchs\n'), (prompt, b'quit\n')], {})
    check_equal(code, OK)
    eventually('no watch', lambda: 'zk_watch_count\t0' in s.four('mntr'))
    # A script goes on, too: what comes behind watch is not told of any more.
    for flag in ('', '-plain '):
        check_equal(cli(s, '-c', 'watch -for 50ms %s/nw; create /nw x; sync /; delete /nw' % flag).out, 'Sync is OK\n')


def test_stopped_by_the_terminal(s):
    """Ctrl-Z with no shell above: the program goes on and nothing hangs."""
    body = 'echo have; read x; echo got $x'
    code, seen = on_terminal(s, ['lock', '/stopped', '--', 'sh', '-c', body],
                             [(b'have', b'\x1a'), (b'^Z', b'word\n')], {})
    check_equal((code, 'got word' in seen), (OK, True), seen)
    # With one both stop, and fg takes them back; in a pipe, too.
    for pipe in (b'', b' | cat'):
        line = '%s -server %s lock /stopped -- sh -c "echo ha\'\'ve; exec cat"' % (CLI, s.hosts)
        code, seen = type_to(['/bin/bash', '--norc', '-i'], [
            (b'SH> ', line.encode() + pipe + b'\n'), (b'have', b'one\n'), (b'one\r\none\r\n', b'\x1a'),
            (b'SH> ', b'fg\n'), (b'exec cat', b'two\n'), (b'two\r\ntwo\r\n', b'\x04'), (b'SH> ', b'exit 3\n')],
            {'PS1': 'SH> ', 'TERM': 'dumb'})
        check_equal(code, 3, seen)


def test_watch_old_server(s):
    old = OldServer(s)
    script(s, 'create /old x\n')
    process = start(old, 'watch', '-n', '3', '/old', options=('--json',))
    eventually('ordinary watches', lambda: 'zk_watch_count\t0' not in s.four('mntr'))
    script(s, 'create /old/a x\n')
    check_equal(json.loads(process.stdout.readline())['path'], '/old/a')
    script(s, 'create /old/a/b x\n')
    check_equal(json.loads(process.stdout.readline())['path'], '/old/a/b')
    script(s, 'delete /old/a/b\n')
    done = finish(process)
    check_equal([(r['event'], r['path']) for r in done.json], [('deleted', '/old/a/b')], done.err)
    check_equal(old.refused, 1)
    old.listener.close()


def test_source_dies():
    """A mirror whose source goes away in the middle deletes nothing of what it did not see."""
    with zk.start('rookery') as source, zk.start('rookery') as target:
        cli(source, 'import', big_file(40000), '/t')
        cli(target, 'import', big_file(40000), '/t')
        process = start(target, 'mirror', '-delete', source.hosts + '/t', '/t', options=('-timeout', '4000'))
        time.sleep(0.1)
        source.kill()
        done = finish(process)
        check(done.code in (OK, NOT_CONNECTED), 'exit code %d: %s' % (done.code, done.err))
        check_equal(len(cli(target, 'find', '/t').lines), 40000)


def test_watch_restart():
    """A server that comes back: a gap is told, and the watch goes on."""
    with zk.start('rookery') as s:
        script(s, 'create /w x\n')
        process = start(s, 'watch', '-n', '2', '/w', options=('--json',))
        eventually('the watch', lambda: 'zk_watch_count\t0' not in s.four('mntr'))
        s.kill()
        s.start()
        line = process.stdout.readline()
        check_equal(json.loads(line)['event'], 'gap')
        script(s, 'set /w y\n')
        done = finish(process)
        check_equal([r['event'] for r in done.json], ['changed'])


def test_exec_on_change(s):
    script(s, 'create /exec one\n')
    process = start(s, 'exec-on-change', '-initial', '-once', '/exec', '--', 'sh', '-c',
                    'echo "$ROOKERY_EVENT:$(cat)"; exit 9')
    ready(process)
    check_equal(process.stdout.readline(), b'changed:one\n')
    script(s, 'set /exec two\n')
    done = finish(process)
    check_equal((done.code, done.out), (9, 'changed:two\n'))
    check_equal(cli(s, 'exec-on-change', '/exec', code=USAGE).code, USAGE)


def test_lock(s):
    done = cli(s, 'lock', '/locks/x', '--', 'sh', '-c', 'echo $ROOKERY_TOKEN; exit 7', code=7)
    first = int(done.out)
    log = path('lock.log')
    body = 'echo in >> %s; sleep 0.15; echo out >> %s; echo $ROOKERY_TOKEN' % (log, log)
    runs = [start(s, 'lock', '/locks/x', '--', 'sh', '-c', body) for _ in range(4)]
    done = [finish(r) for r in runs]
    check_equal([d.code for d in done], [0] * 4)
    check_equal(open(log).read().split(), ['in', 'out'] * 4)
    tokens = [int(d.out) for d in done]
    check(len(set(tokens)) == 4 and min(tokens) > first, 'tokens %s' % tokens)
    check('not found' in cli(s, 'lock', '/locks/x', '--', '/no/such/program', code=127).err, 'no program')
    check_equal(cli(s, 'find', '/locks/x', '-mindepth', '1').out, '')


def test_lock_wait_and_loss(s):
    holder = start(s, 'lock', '-grace', '300', '/locks/y', '--', 'sh', '-c',
                   'trap "" TERM; echo have; sleep 60; echo still here')
    check_equal(holder.stdout.readline(), b'have\n')
    check('not had in time' in cli(s, 'lock', '-wait', '200ms', '/locks/y', '--', 'true', code=FAILED).err, 'wait')
    check('not had in time' in cli(s, 'lock', '-wait', '0', '/locks/y', '--', 'true', code=FAILED).err, 'no wait')
    node = jcli(s, 'find', '/locks/y', '-ephemeral')[0]['path']
    begin = time.monotonic()
    cli(s, 'delete', node)
    done = finish(holder)
    check_equal((done.code, done.out), (LOST, ''), done.err)
    check(time.monotonic() - begin < 5, 'killed soon')
    # What the program started has the time that the program has.
    traces = path('traces')
    holder = start(s, 'lock', '/locks/y', '--', 'sh', '-c', '(trap "sleep 0.4; echo tidy > %s; exit" TERM; echo have; '
                   'sleep 60 & wait) & wait' % traces)
    check_equal(holder.stdout.readline(), b'have\n')
    cli(s, 'delete', jcli(s, 'find', '/locks/y', '-ephemeral')[0]['path'])
    check_equal(finish(holder).code, LOST)
    check_equal(open(traces).read(), 'tidy\n')
    # What the program started has the time that the program has.
    traces = path('traces')
    holder = start(s, 'lock', '/locks/y', '--', 'sh', '-c', '(trap "sleep 0.4; echo tidy > %s; exit" TERM; echo have; '
                   'sleep 60 & wait) & wait' % traces)
    check_equal(holder.stdout.readline(), b'have\n')
    cli(s, 'delete', jcli(s, 'find', '/locks/y', '-ephemeral')[0]['path'])
    check_equal(finish(holder).code, LOST)
    check_equal(open(traces).read(), 'tidy\n')
    # Ctrl-C of who waits leaves nothing behind; that of who holds ends the command.
    holder = start(s, 'lock', '/locks/y', '--', 'sh', '-c', 'echo have; sleep 60')
    check_equal(holder.stdout.readline(), b'have\n')
    waiter = start(s, 'lock', '/locks/y', '--', 'true')
    eventually('two in the queue', lambda: len(jcli(s, 'find', '/locks/y', '-ephemeral')) == 2)
    waiter.send_signal(signal.SIGINT)
    check_equal(finish(waiter).code, STOPPED)
    check_equal(len(jcli(s, 'find', '/locks/y', '-ephemeral')), 1)
    holder.send_signal(signal.SIGTERM)
    check_equal(finish(holder).code, 128 + signal.SIGTERM)
    check_equal(jcli(s, 'find', '/locks/y', '-ephemeral'), [{'count': 0}])


def test_lock_session_loss():
    with zk.start('rookery', conf={'tickTime': 200}) as s:
        holder = start(s, 'lock', '/l', '--', 'sh', '-c', 'echo have; sleep 60', options=('-timeout', '1000'))
        check_equal(holder.stdout.readline(), b'have\n')
        s.kill()
        done = finish(holder, timeout_s=20)
        check_equal(done.code, LOST, done.err)


def test_holds_survive_a_restart():
    """A server that comes back within the session's timeout: the program never hears of it."""
    with zk.start('rookery') as s:
        runs = [start(s, word, '/h/' + word, '--', 'sh', '-c', 'echo have; sleep 3; echo done; exit 6',
                      options=('-timeout', '20000')) for word in ('lock', 'elect')]
        for run in runs:
            check_equal(run.stdout.readline(), b'have\n')
        s.kill()
        s.start()
        for run in runs:
            done = finish(run)
            check_equal((done.code, done.out), (6, 'done\n'), done.err)
        strict = start(s, 'lock', '-strict', '/h/strict', '--', 'sh', '-c', 'echo have; sleep 60')
        check_equal(strict.stdout.readline(), b'have\n')
        s.kill()
        check_equal(finish(strict).code, LOST)


def test_elect_loss(s):
    leader = start(s, 'elect', '/led', '--', 'sh', '-c', 'echo have; sleep 60')
    check_equal(leader.stdout.readline(), b'have\n')
    cli(s, 'delete', jcli(s, 'find', '/led', '-ephemeral')[0]['path'])
    check_equal(finish(leader).code, LOST)


def test_elect(s):
    first = start(s, 'elect', '-id', 'one', '/leader', '--', 'sh', '-c', 'echo $ROOKERY_TOKEN; read x; exit 4',
                  stdin=subprocess.PIPE)
    token = int(first.stdout.readline())
    second = start(s, 'elect', '-id', 'two', '/leader', '--', 'sh', '-c', 'echo $ROOKERY_TOKEN; exit 5')
    eventually('two candidates', lambda: len(jcli(s, 'find', '/leader', '-ephemeral')) == 2)
    check_equal(sorted(r['path'] for r in jcli(s, 'grep', '.', '/leader')),
                sorted(r['path'] for r in jcli(s, 'find', '/leader', '-ephemeral')))
    first.stdin.close()
    check_equal(finish(first).code, 4)
    done = finish(second)
    check_equal(done.code, 5)
    check(int(done.out) > token, 'tokens %d, %s' % (token, done.out))


# -- the ensemble -------------------------------------------------------------------------------

def test_status_standalone(s):
    row = jcli(s, 'status')[0]
    check_equal((row['healthy'], row['servers'][0]['role'], row['leader']), (True, 'standalone', s.hosts))
    both = '127.0.0.1:%d,%s' % (zk.free_port(), s.hosts)
    row = jcli(both, 'status', code=FAILED)[0]
    check_equal([x['up'] for x in row['servers']], [False, True])
    check('refused' in row['servers'][0]['reason'], row['servers'][0]['reason'])
    check('1 of 2 servers serve' in cli(both, 'status', code=FAILED).out, 'text')
    cli('127.0.0.1:%d' % zk.free_port(), 'status', code=NOT_CONNECTED)


def test_status_mixed():
    with zkensemble.Ensemble(['rookery', 'apache', 'rookery'],
                             members={3: {'conf': {'globalOutstandingLimit': 777, 'maxClientCnxns': 31}}}) as ens:
        leader = ens.wait_leader()
        ens.wait_serving()
        # A server that has seen nothing of this epoch yet cannot be said to be behind.
        script(ens.hosts, 'create /seen x\n')
        eventually('all have seen it', lambda: all('lag' in x for x in jcli(ens.hosts, 'status')[0]['servers']))
        row = jcli(ens.hosts, 'status')[0]
        check_equal((row['healthy'], row['serving'], row['voters'], row['leader']), (True, 3, 3, leader.hosts))
        check_equal(sorted(x['role'] for x in row['servers']), ['follower', 'follower', 'leader'])
        check('maxClientCnxns' in [d['key'] for d in row['differences']], row['differences'])
        check(all(x['lag'] >= 0 for x in row['servers']), 'lag')
        rows = jcli(ens.hosts, 'top', '-once', '-interval', '300')
        check_equal(len(rows[0]['servers']), 3)
        doctor = jcli(ens.hosts, 'doctor', '-quick', '-servers', ens.hosts, write_file('ens.cfg', ens_cfg(ens)),
                      code=None)
        found = [(r['level'], r['check']) for r in doctor]
        check_equal(found.count(('OK', 'server')), 3, doctor)
        check_equal(found.count(('OK', 'ports')), 3, doctor)
        check_equal(found.count(('OK', 'clock')), 3, doctor)
        down = ens.others(leader)[0]
        down.may_end = True
        down.kill()
        row = jcli(ens.hosts, 'status', code=FAILED)[0]
        check_equal((row['healthy'], row['serving']), (False, 2))
        check_equal([x['role'] for x in row['servers'] if not x['up']], ['down'])
        out = cli(ens.hosts, 'status', code=FAILED).out
        check('2 of 3 voters (a quorum is 2)' in out, out)


def ens_cfg(ens):
    data = path('ensdata')
    os.makedirs(data, exist_ok=True)
    with open(os.path.join(data, 'myid'), 'w') as f:
        f.write('1\n')
    return ('tickTime=2000\ninitLimit=10\nsyncLimit=5\nautopurge.purgeInterval=24\nclientPort=%d\ndataDir=%s\n'
            % (ens[1].port, data)
            + ''.join('server.%d=%s:%d:%d\n' % (m.sid, zk.HOST, m.quorum_port, m.election_port) for m in ens))


def test_top(s):
    c = w.Client(s)
    script(s, 'create /top x\n')
    c.call(w.GET_DATA, w.path_watch('/top', True))
    row = jcli(s, 'top', '-once', '-interval', '200')[0]
    check_equal(row['servers'][0]['role'], 'standalone')
    check(row['servers'][0]['rate'] is not None, 'a rate')
    check('0x%x' % c.session in [x['session'] for x in row['clients']], row['clients'])
    check({'path': '/top', 'watchers': 1} in row['paths'], row['paths'])
    done = cli(s, 'top', '-n', '2', '-interval', '150')
    check_equal(done.out.count('standalone'), 2)
    check('\x1b' not in done.out, 'no escape sequences without a terminal')
    c.close_session()
    with zk.start('rookery', conf={'4lw.commands.whitelist': 'srvr'}) as shy:
        row = jcli(shy, 'top', '-once', '-interval', '100')[0]
        check_equal((row['servers'][0]['role'], row['clients'], row['paths']), ('standalone', [], []))
        row = jcli(shy, 'status')[0]
        check_equal((row['healthy'], 'watches' in row['servers'][0]), (True, False))


def test_doctor(s):
    rows = jcli(s, 'doctor', s.conf_path, code=None)
    by = {}
    for r in rows:
        by.setdefault(r['check'], []).append(r)
    check_equal([r['level'] for r in by['server']], ['OK'])
    check_equal([r['level'] for r in by['clock']], ['OK'])
    check(any('a sync takes' in r['finding'] for r in by['disk']), by['disk'])
    check(all(r['advice'] for r in rows if r['level'] != 'OK'), 'advice for all that is wrong')
    bad = write_file('bad.cfg', 'tickTime=10\nforceSync=no\nclientPort=%d\ndataDir=%s\nwhat is this\ntickTime=10\n'
                     'server.1=no.such.host.invalid:1:2\nserver.2=localhost:3:4\nserver.2=nonsense\n'
                     % (zk.free_port(), path('nowhere')))
    done = cli(s, 'doctor', '-quick', '-timeout', '500', bad, code=FAILED)
    for text in ('forceSync=no', 'tickTime is there twice', 'there is no initLimit', 'server.2=nonsense is no server',
                 'is no setting', 'no.such.host.invalid', 'myid cannot be read', 'does not answer'):
        check(text in done.out, '%s not in\n%s' % (text, done.out))
    cli(s, 'doctor', '-offline', path('no.cfg'), code=FAILED)


def main():
    suite = zk.Suite('cli-extras')
    s = zk.start('rookery')
    other = zk.start('rookery')
    for fn in (test_tree, test_du, test_find, test_grep, test_denied, test_vanishing, test_export_import,
               test_unanswered, test_hidden_acls,
               test_same_server_by_name,
               test_export_targets,
               test_answer_to_a_set_is_lost,
               test_import_modes, test_bad_files, test_cp, test_chroot, test_mv, test_large, test_edit, test_edit_asks, test_txn,
               test_watch, test_interactive, test_stopped_by_the_terminal, test_watch_old_server, test_exec_on_change, test_lock, test_lock_wait_and_loss, test_elect, test_elect_loss,
               test_status_standalone, test_top, test_doctor):
        suite.run(fn.__name__[5:], fn, s)
    suite.run('mirror', test_mirror, s, other, '/mir')
    for fn in (test_restart_in_import, test_server_dies, test_source_dies, test_watch_restart, test_lock_session_loss,
               test_holds_survive_a_restart):
        suite.run(fn.__name__[5:], fn)
    possible, why = zk.have('apache')
    if possible:
        with zk.start('apache') as apache:
            suite.run('apache', test_apache, s, apache)
            suite.run('apache_says', test_apache_says, apache)
            suite.run('mirror to apache', test_mirror, s, apache, '/mira')
            suite.run('mirror from apache', test_mirror, apache, s, '/mirb')
        suite.run('status_mixed', test_status_mixed)
    else:
        for name in ('apache', 'apache_says', 'mirror to apache', 'mirror from apache', 'status_mixed'):
            suite.skip(name, why)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
