#!/usr/bin/python3
"""rookery-log and rookery-snapshot on files of both servers, beside Apache's own tools.

    test_tools.py [--build DIR] [--rounds N]

Where the shape of the output is promised it is compared with what TxnLogToolkit, LogChopper, SnapshotFormatter,
SnapshotComparer and PurgeTxnLog of Debian's zookeeper.jar print. Damage is injected at many places, judged, mended,
and the mended files are given to both servers.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'test', 'blackbox'))
import zkharness as zk  # noqa: E402
import zkwire as w  # noqa: E402
from zkensemble import Ensemble  # noqa: E402

TYPES = {'zookeeper.extendedTypesEnabled': 'true', 'zookeeper.preAllocSize': '256'}
PERSISTENCE = 'org.apache.zookeeper.server.persistence.'
SERVER = 'org.apache.zookeeper.server.'
OK, DIFFERS, USAGE, IO, DAMAGED, GAP, REFUSED = range(7)
build = None


def load_golden_maker():
    path = os.path.join(ROOT, 'tools', 'make-golden')
    loader = importlib.machinery.SourceFileLoader('make_golden', path)
    spec = importlib.util.spec_from_loader('make_golden', loader)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


golden = load_golden_maker()


# ---------------------------------------------------------------------------------------------
# programs

class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def text(self):
        return self.out.decode('utf-8')


def tool(name, *args, stdin=b''):
    env = dict(os.environ, TZ='UTC')
    done = subprocess.run([os.path.join(build, name), *args], input=stdin, capture_output=True, timeout=60,
                          env=env, check=False)
    zk.check(done.returncode in range(7), '%s %s: status %d\n%s' % (name, ' '.join(args), done.returncode,
                                                                    done.stderr.decode('utf-8', 'replace')))
    return Result(done)


def log(*args, stdin=b''):
    return tool('rookery-log', *args, stdin=stdin)


def snapshot(*args, stdin=b''):
    return tool('rookery-snapshot', *args, stdin=stdin)


def java(main, *args, stdin=b''):
    jars = ('zookeeper.jar', 'slf4j-nop.jar', 'commons-cli.jar', 'snappy-java.jar', 'json-simple.jar')
    path = ':'.join(os.path.join(zk.jar_dir(), jar) for jar in jars)
    return Result(subprocess.run(['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC',
                                  '-Dfile.encoding=UTF-8', '-Duser.timezone=UTC', '-Duser.language=en',
                                  '-Duser.country=US', '-cp', path, main, *args],
                                 input=stdin, capture_output=True, timeout=60, check=False))


def expect(result, status, what=''):
    zk.check(result.status == status, '%s: status %d, expected %d\n%s%s' % (
        what, result.status, status, result.out[-2000:].decode('utf-8', 'replace'),
        result.err[-2000:].decode('utf-8', 'replace')))
    return result


# ---------------------------------------------------------------------------------------------
# files

class Files:
    """What a server left that was killed: its version-2, and what a client saw before."""

    def __init__(self, kind, folder, zxid, nodes, lines):
        self.kind, self.folder, self.zxid, self.nodes, self.lines = kind, folder, zxid, nodes, lines

    def names(self, prefix):
        found = [n for n in os.listdir(self.folder) if n.startswith(prefix + '.')]
        return sorted(found, key=lambda n: int(n.split('.')[1], 16))

    def path(self, name):
        return os.path.join(self.folder, name)

    def logs(self):
        return [self.path(n) for n in self.names('log')]

    def snapshots(self):
        return [self.path(n) for n in self.names('snapshot')]


def fill_a_server(kind, scratch, name, props=None):
    data_dir = os.path.join(scratch, name)
    os.makedirs(data_dir)
    with zk.make(kind, props=dict(TYPES, **(props or {})), data_dir=data_dir) as server:
        held = golden.fill(server, 0)
        server.kill()
        server.start()
        held += golden.fill(server, 1)
        client, zxid, lines = golden.describe(server)
        nodes = int(re.search(r'Node count: (\d+)', server.four('srvr')).group(1))
        server.kill()
        for c in held + [client]:
            c.close()
    return Files(kind, os.path.join(data_dir, 'version-2'), zxid, nodes, lines)


def copy_of(files, scratch):
    """A data directory of its own with the same version-2."""
    data_dir = tempfile.mkdtemp(dir=scratch)
    folder = os.path.join(data_dir, 'version-2')
    shutil.copytree(files.folder, folder)
    return Files(files.kind, folder, files.zxid, files.nodes, files.lines)


def records(path):
    """Offsets of the records of a log, and of their end."""
    with open(path, 'rb') as f:
        data = f.read()
    end = golden.end_of_records(data)
    offsets = [16]
    while offsets[-1] < end:
        length = int.from_bytes(data[offsets[-1] + 8:offsets[-1] + 12], 'big')
        offsets.append(offsets[-1] + 12 + length + 1)
    return offsets


def flip(path, offset, bits=1):
    with open(path, 'r+b') as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ bits]))


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def serves(kind, files, lines=None):
    """A server of that kind starts on the files and shows what it should."""
    with zk.make(kind, props=TYPES, data_dir=os.path.dirname(files.folder)) as server:
        client, _, got = golden.describe(server)
        client.close()
        server.kill()
    if lines is not None:
        # Sessions of before are gone, or will be: ephemerals are no matter here.
        wanted = [x for x in lines if '/ephemeral' not in x]
        zk.check_equal([x for x in got if '/ephemeral' not in x], wanted, 'nodes on ' + kind)
    return got


# ---------------------------------------------------------------------------------------------
# beside Apache's tools

DATE = re.compile(rb'(?m)^(?=\d+/\d+/\d+, \d+:\d+:\d+ [AP]M )')


def test_dump_is_txn_log_toolkits(files):
    for path in files.logs():
        ours = DATE.split(expect(log('dump', path), OK).out)
        theirs = DATE.split(expect(java(PERSISTENCE + 'TxnLogToolkit', path), 0).out)
        zk.check_equal(len(ours), len(theirs), 'transactions of ' + path)
        compared = 0
        for a, b in zip(ours, theirs):
            if b' multi ' in b:
                a, b = a.split(b' multi ')[0], b.split(b' multi ')[0]
            elif re.search(rb'[\x00-\x09\x0b-\x1f\x7f-\xff]', b):
                continue  # we escape those
            zk.check_equal(a, b)
            compared += 1
        zk.check(compared >= len(ours) - 2, 'most were comparable')
        zk.check_equal(expect(log('-d', path), OK).out, b''.join(ours))


def test_dump_json(files):
    for path in files.logs():
        lines = expect(log('dump', '--json', '-v', path), OK).text().splitlines()
        rows = [json.loads(line) for line in lines]
        zxids = [int(r['zxid'], 16) for r in rows]
        zk.check_equal(zxids, list(range(zxids[0], zxids[0] + len(rows))))
        zk.check_equal([r['offset'] for r in rows], records(path)[:-1])
        zk.check({'create', 'delete', 'setData', 'multi', 'createSession', 'closeSession', 'error', 'setACL'} <=
                 {r['type'] for r in rows}, 'all types are there')


def test_chop_is_log_choppers(files, scratch):
    for path in files.logs():
        rows = [json.loads(x) for x in log('dump', '-j', path).text().splitlines()]
        zxid = rows[len(rows) // 2]['zxid']
        ours, theirs = (os.path.join(scratch, x) for x in ('ours', 'theirs'))
        a = expect(log('chop', '-z', zxid, '-o', ours, path), OK)
        b = expect(java(SERVER + 'util.LogChopper', zxid, path, theirs), 0)
        zk.check_equal(a.out, b.out)
        zk.check_equal(content(ours), content(theirs))
        os.remove(ours)
        os.remove(theirs)


def test_repair_is_txn_log_toolkits(files, scratch):
    mine = copy_of(files, scratch)
    path = mine.logs()[0]
    flip(path, records(path)[4] + 7)
    flip(path, records(path)[9] + 7)
    expect(log('repair', '-y', path), OK)
    ours = content(path + '.fixed')
    os.remove(path + '.fixed')
    expect(java(PERSISTENCE + 'TxnLogToolkit', '-r', '-y', path), 0)
    theirs = content(path + '.fixed')
    if files.kind == 'apache':
        zk.check_equal(ours, theirs[:golden.end_of_records(theirs)])
    expect(log('compare', path + '.fixed', files.logs()[0]), OK)


def blocks(text):
    parts = text.split('----\n')
    return parts[0], sorted(parts[1:-2]), sorted(parts[-2].splitlines()), parts[-1]


def test_dump_is_snapshot_formatters(files):
    for path in files.snapshots():
        for args in ([], ['-d']):
            ours = expect(snapshot('dump', *args, path), OK).text()
            theirs = expect(java(SERVER + 'SnapshotFormatter', *args, path), 0).out.decode()
            zk.check_equal(blocks(ours), blocks(theirs))


def ncdu(node, parent=''):
    """{path: (size, isdir)} of ncdu's nested lists."""
    head = node[0] if isinstance(node, list) else node
    path = parent + '/' + head['name'].strip('/')
    found = {path: (head['asize'], head['dsize'], isinstance(node, list))}
    for child in node[1:] if isinstance(node, list) else []:
        found.update(ncdu(child, path.rstrip('/')))
    return found


def test_json_is_snapshot_formatters(files):
    for path in files.snapshots():
        ours = json.loads(expect(snapshot('-json', path), OK).out)
        theirs = json.loads(expect(java(SERVER + 'SnapshotFormatter', '-json', path), 0).out)
        zk.check_equal(ours[:2], theirs[:2])
        zk.check_equal(ncdu(ours[3]), ncdu(theirs[3]))


def test_compare_is_snapshot_comparers(files):
    left, right = files.snapshots()[0], files.snapshots()[-1]
    answers = b'\n/r0\n2\nwhat\n99\n' + b'\n' * 9
    for args in (['-b', '0', '-n', '0'], ['-b', '100', '-n', '1', '-d'], ['-b', '0', '-n', '0', '-i']):
        args = ['-l', left, '-r', right] + args
        ours = expect(snapshot(*args, stdin=answers), OK).text()
        theirs = expect(java(SERVER + 'SnapshotComparer', *args, stdin=answers), 0).out.decode()
        zk.check_equal(re.sub(r'in [0-9.]+ seconds', '', ours), re.sub(r'in [0-9.]+ seconds', '', theirs))


def test_purge_is_purge_txn_logs(files, scratch):
    left, right = copy_of(files, scratch), copy_of(files, scratch)
    for mine in (left, right):
        newest = mine.snapshots()[-1]
        for extra in range(3):
            zxid = int(newest.rsplit('.', 1)[1], 16) + 8 * (extra + 1)
            shutil.copy(newest, mine.path('snapshot.%x' % zxid))
    expect(log('purge', '-n', '3', os.path.dirname(left.folder)), OK)
    expect(java(SERVER + 'PurgeTxnLog', os.path.dirname(right.folder), '-n', '3'), 0)
    zk.check_equal((left.names('snapshot'), left.names('log')), (right.names('snapshot'), right.names('log')))
    zk.check_equal(len(left.names('snapshot')), 3)


# ---------------------------------------------------------------------------------------------
# sound files

def test_sound_files_are_found_sound(files):
    result = expect(log('verify', files.folder), OK)
    zk.check_equal(result.text().count(': ok, '), len(files.logs()), result.text())
    zk.check(('by Rookery' in result.text()) == (files.kind == 'rookery'), result.text())
    for path in files.snapshots():
        expect(snapshot('verify', path), OK, path)
    rows = [json.loads(x) for x in log('dump', '-j', files.logs()[-1]).text().splitlines()]
    zk.check_equal(int(rows[-1]['zxid'], 16), files.zxid)


def test_restore_check_says_what_the_server_found(files):
    before = {n: content(files.path(n)) for n in os.listdir(files.folder)}
    found = json.loads(expect(snapshot('restore-check', '--json', os.path.dirname(files.folder)), OK).out)
    zk.check_equal(int(found['lastZxid'], 16), files.zxid)
    zk.check_equal(found['nodes'], files.nodes)
    zk.check_equal(found['digestsWrong'], 0)
    zk.check(found['digestsCompared'] > 20, found)
    zk.check_equal({n: content(files.path(n)) for n in os.listdir(files.folder)}, before)


def test_compressed_snapshots(scratch):
    for kind in ('apache', 'rookery'):
        for method, suffix in (('gz', '.gz'), ('snappy', '.snappy')):
            files = fill_a_server(kind, scratch, kind + method,
                                  {'zookeeper.snapshot.compression.method': method})
            path = files.snapshots()[-1]
            zk.check(path.endswith(suffix), path)
            expect(snapshot('verify', path), OK)
            test_dump_is_snapshot_formatters(files)
            test_restore_check_says_what_the_server_found(files)


def test_a_running_server_is_not_disturbed(kind):
    with zk.start(kind, props=TYPES) as server:
        held = golden.fill(server, 0)
        c = w.Client(server)
        folder = os.path.join(server.data_dir, 'version-2')
        for n in range(30):
            golden.must(c.call(w.CREATE, w.create('/n%d' % n, b'x')))
            result = log('verify', folder)
            zk.check(result.status == OK, result.text())
            zk.check(snapshot('restore-check', server.data_dir).status == OK, 'restore-check')
            zk.check(b'/n%d,' % n in log('grep', '-p', '/n%d' % n, folder).out, 'what was written is seen')
        golden.must(c.call(w.DELETE, w.path_version('/n0')))
        if kind == 'rookery':
            said = snapshot('restore-check', server.data_dir).err.decode()
            zk.check('process id %d' % server.pid in said, said)
        for client in held + [c]:
            client.close()


def test_an_export_can_be_imported(files):
    cli = os.path.join(build, 'rookery-cli')
    if not os.path.exists(cli):
        raise zk.Skipped('no rookery-cli in ' + build)
    path = files.snapshots()[-1]
    rows = [json.loads(x) for x in expect(snapshot('export', '-r', '/r0', path), OK).text().splitlines()]
    zk.check_equal(rows[0]['format'], 'rookery-export')
    zk.check_equal(rows[-1], {'end': True, 'nodes': len(rows) - 2})
    stats = {x.split(' ')[0]: x.split(' ') for x in files.lines}
    for row in rows[1:-1]:
        name = ('/r0' + row['path']).rstrip('/')
        if name in stats and row['type'] != 'ephemeral':
            seen = [int(str(row['stat'][k]), 0) for k in ('czxid', 'mzxid', 'ctime', 'mtime', 'version', 'cversion',
                                                         'aversion', 'ephemeralOwner', 'dataLength', 'numChildren',
                                                         'pzxid')]
            wanted = [int(x) for x in stats[name][1:12]]
            if row['type'] in ('container', 'ttl'):
                seen[7] = wanted[7]  # stored differently from what a client is told, or alike
            zk.check_equal(seen, wanted, name)
    with tempfile.NamedTemporaryFile(suffix='.jsonl') as f, zk.start('rookery', props=TYPES) as server:
        f.write(snapshot('export', '-r', '/r0', path).out)
        f.flush()
        done = subprocess.run([cli, '-server', server.hosts, 'import', f.name, '/back'], capture_output=True,
                              timeout=30, check=False)
        zk.check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())
        client, _, lines = golden.describe(server)
        client.close()
    got = {x.split(' ')[0]: x.split(' ')[12:] for x in lines}
    for row in rows[1:-1]:
        if row['type'] != 'ephemeral' and '/r0' + row['path'] in stats:
            name = row['path'].rstrip('/')
            if stats['/r0' + name][1:] and '/r0' + name != '/r0':
                zk.check_equal(got['/back' + name][0], stats['/r0' + name][12], name)


def test_a_server_under_load_does_not_look_damaged(kind):
    """What is read of a log may be older than what lies behind it; that is no damage."""
    with zk.start(kind, props=dict(TYPES, **{'zookeeper.snapCount': '2000'})) as server:
        clients = [w.Client(server) for _ in range(4)]
        golden.must(clients[0].call(w.CREATE, w.create('/load', b'')))
        folder = os.path.join(server.data_dir, 'version-2')
        busy = True
        failed = []

        def write(c):
            n = 0
            try:
                while busy:
                    posted = [c.post(w.SET_DATA, w.set_data('/load', b'%d' % n * 100)) for _ in range(50)]
                    for _ in posted:
                        c.take(w.SET_DATA)
                    n += 1
            except Exception as e:  # pylint: disable=broad-except
                failed.append(e)

        threads = [threading.Thread(target=write, args=(c,)) for c in clients]
        for t in threads:
            t.start()
        try:
            for _ in range(4):
                result = log('verify', folder)
                zk.check(result.status == OK, result.text())
                zk.check(log('summary', '-j', folder).status == OK, 'summary')
                found = snapshot('restore-check', '-j', server.data_dir)
                zk.check(found.status == OK, found.text())
                zk.check_equal(json.loads(found.out)['digestsWrong'], 0)
        finally:
            busy = False
            for t in threads:
                t.join()
        zk.check(not failed, failed)
        for path in sorted(os.listdir(folder)):
            if path.startswith('snapshot.'):
                expect(snapshot('verify', os.path.join(folder, path)), OK)
        for c in clients:
            c.close()


# ---------------------------------------------------------------------------------------------
# damage

def test_damage_anywhere_is_judged_as_a_start_judges_it(files, scratch, rounds):
    rng = random.Random(7)
    mine = copy_of(files, scratch)
    seen = set()
    for _ in range(rounds):
        path = rng.choice(mine.logs())
        whole = content(path)
        offset = rng.randrange(min(records(path)[-1] + 200, len(whole)))
        kind = rng.choice(('flip', 'zero', 'cut'))
        if kind == 'flip':
            flip(path, offset, 1 << rng.randrange(8))
        else:
            with open(path, 'r+b') as f:
                f.seek(offset)
                f.write(bytes(min(512, len(whole) - offset)))
                if kind == 'cut':
                    f.truncate(offset)
        judged = log('verify', mine.folder)
        start = snapshot('restore-check', '-j', os.path.dirname(mine.folder))
        found = json.loads(start.out)
        what = '%s at %d of %s: %s%s' % (kind, offset, path, judged.text(), start.text())
        # Damage that a snapshot covers is damage, and yet a server starts.
        zk.check(found['starts'] or judged.status in (DAMAGED, GAP) or 'mark' in found['problem'], what)
        if found['starts'] and judged.status == OK and 'torn' not in judged.text():
            zk.check(int(found['lastZxid'], 16) == files.zxid or kind == 'cut', what)
        for verb in ('dump', 'summary'):
            log(verb, path)
        seen.add((judged.status, found['starts']))
        with open(path, 'wb') as f:
            f.write(whole)
        expect(log('verify', mine.folder), OK, 'undone')
    zk.check((DAMAGED, False) in seen and (OK, True) in seen, 'both were seen: %s' % seen)


def damage_record(files, number, part=40):
    path = files.logs()[-1]
    flip(path, records(path)[number] + part)
    return path


def check_refused(files):
    data_dir = os.path.dirname(files.folder)
    expect(snapshot('restore-check', data_dir), DAMAGED)
    server = zk.make('rookery', props=TYPES, data_dir=data_dir)
    try:
        server.start(wait=False)
        zk.check(server.wait_exit() not in (None, 0), 'the server refuses it, too')
    finally:
        server.destroy()


def test_a_mended_log_opens_in_both(files, scratch):
    for kind in ('rookery', 'apache'):
        mine = copy_of(files, scratch)
        path = damage_record(mine, 12, 7)  # the checksum alone
        if kind == 'rookery':
            check_refused(mine)
        expect(log('repair', '-y', path), OK)
        os.replace(path + '.fixed', path)
        expect(log('verify', mine.folder), OK)
        expect(snapshot('restore-check', os.path.dirname(mine.folder)), OK)
        serves(kind, mine, lines=files.lines)


def test_a_cut_log_opens_in_both(files, scratch):
    for kind in ('rookery', 'apache'):
        mine = copy_of(files, scratch)
        path = damage_record(mine, 12)
        before = content(path)
        expect(log('repair', '--truncate', path, stdin=b'n\n'), REFUSED)
        result = expect(log('repair', '--truncate', path, stdin=b'y\n'), OK)
        zk.check('LOST: what is damaged there, and ' in result.text(), result.text())
        zk.check_equal(content(mine.path('damaged.' + os.path.basename(path))), before)
        kept = [json.loads(x) for x in log('dump', '-j', path).text().splitlines()]
        found = json.loads(expect(snapshot('restore-check', '-j', os.path.dirname(mine.folder)), OK).out)
        zk.check_equal(found['lastZxid'], kept[-1]['zxid'])
        zk.check_equal(found['digestsWrong'], 0)
        serves(kind, mine)


def test_a_mended_snapshot_opens_in_both(files, scratch):
    for kind in ('rookery', 'apache'):
        mine = copy_of(files, scratch)
        path = mine.snapshots()[-1]
        data = bytearray(content(path))
        at = data.index(b'create2') if b'create2' in data else data.index(b'changed')
        data[at] ^= 0x20
        with open(path, 'wb') as f:
            f.write(data)
        expect(snapshot('verify', path), DAMAGED)
        expect(snapshot('repair', path, stdin=b'n\n'), REFUSED)
        expect(snapshot('repair', '-y', path), OK)
        expect(snapshot('verify', path + '.fixed'), OK)
        os.replace(path + '.fixed', path)
        for older in mine.snapshots()[:-1]:
            os.remove(older)
        expect(snapshot('restore-check', os.path.dirname(mine.folder)), OK)
        got = serves(kind, mine)
        zk.check_equal(len([x for x in got if '/ephemeral' not in x]),
                       len([x for x in files.lines if '/ephemeral' not in x]))


def test_lost_files_are_noticed(files, scratch):
    mine = copy_of(files, scratch)
    os.remove(mine.logs()[0])
    for path in mine.snapshots()[1:]:
        os.remove(path)
    expect(snapshot('restore-check', os.path.dirname(mine.folder)), DAMAGED)
    mine = copy_of(files, scratch)
    os.remove(mine.logs()[-1])
    found = snapshot('restore-check', os.path.dirname(mine.folder))
    zk.check(found.status == (DAMAGED if files.kind == 'rookery' else OK), found.text())


def test_an_ensembles_logs():
    """Epochs follow each other, and three servers tell one history. (Apache 3.8.0 does not log what it is sent when it
    joins, so that its logs have holes.)"""
    with Ensemble(['rookery'] * 3, props=TYPES) as ens:
        for round_no in range(2):
            leader = ens.wait_leader()
            ens.wait_serving()
            client = w.Client(leader)
            for n in range(20):
                golden.must(client.call(w.CREATE, w.create('/e%d-%d' % (round_no, n), b'x')))
            client.close()
            if round_no == 0:
                leader.kill()
                ens.wait_leader(among=ens.others(leader))
                leader.start()
        ens.wait_serving()
        for member in ens:
            ens.wait('all have caught up', lambda m=member: m.zxid() == leader.zxid())
        # In order: a follower may apply what is committed before its own log has it.
        for member in ens.others(leader) + [leader]:
            member.terminate()
        dirs = {m.sid: m.data_dir for m in ens}
        found = {}
        for sid, folder in dirs.items():
            expect(log('verify', folder), OK, 'server %d' % sid)
            found[sid] = json.loads(expect(snapshot('restore-check', '-j', folder), OK).out)
            zk.check_equal(found[sid]['digestsWrong'], 0)
        zk.check_equal(len({(f['lastZxid'], f['nodes'], f['digest']) for f in found.values()}), 1, found)
        zk.check('epochs' in snapshot('restore-check', dirs[1]).text(), 'the epochs are told')
        for left, right in ((1, 2), (1, 3)):
            result = log('compare', dirs[left], dirs[right])
            zk.check(result.status == OK, result.text())


def test_man_pages_name_every_option():
    for name in ('rookery-log', 'rookery-snapshot'):
        with open(os.path.join(ROOT, 'docs', 'man', 'man1', name + '.1')) as f:
            page = f.read().replace('\\', '')
        verbs = re.findall(r'(?m)^  ([a-z-]+) +\S', tool(name, '--help').text())
        zk.check(len(verbs) >= 7, verbs)
        for verb in verbs:
            zk.check('\n.SS %s ' % verb in page, '%s has %s' % (name, verb))
            section = page.split('\n.SS %s ' % verb, 1)[1].split('\n.SS ', 1)[0]
            for option in re.findall(r'(?m)^  (?:-\w, )?\s*--([a-z-]+)', tool(name, verb, '--help').text()):
                zk.check('--' + option in section, '%s %s has --%s' % (name, verb, option))


def run_for(suite, files, scratch, rounds):
    kind = files.kind
    for name, fn, args in (
            ('dump prints what TxnLogToolkit prints', test_dump_is_txn_log_toolkits, (files,)),
            ('dump as JSON tells all', test_dump_json, (files,)),
            ('chop makes what LogChopper makes', test_chop_is_log_choppers, (files, scratch)),
            ('repair makes what TxnLogToolkit makes', test_repair_is_txn_log_toolkits, (files, scratch)),
            ('dump prints what SnapshotFormatter prints', test_dump_is_snapshot_formatters, (files,)),
            ('its JSON is SnapshotFormatter\'s', test_json_is_snapshot_formatters, (files,)),
            ('compare prints what SnapshotComparer prints', test_compare_is_snapshot_comparers, (files,)),
            ('purge removes what PurgeTxnLog removes', test_purge_is_purge_txn_logs, (files, scratch)),
            ('sound files are found sound', test_sound_files_are_found_sound, (files,)),
            ('restore-check says what the server found', test_restore_check_says_what_the_server_found, (files,)),
            ('an export can be imported', test_an_export_can_be_imported, (files,)),
            ('a running server is not disturbed', test_a_running_server_is_not_disturbed, (kind,)),
            ('a server under load does not look damaged', test_a_server_under_load_does_not_look_damaged, (kind,)),
            ('damage anywhere is judged as a start judges it', test_damage_anywhere_is_judged_as_a_start_judges_it,
             (files, scratch, rounds)),
            ('a mended log opens in both servers', test_a_mended_log_opens_in_both, (files, scratch)),
            ('a cut log opens in both servers', test_a_cut_log_opens_in_both, (files, scratch)),
            ('a mended snapshot opens in both servers', test_a_mended_snapshot_opens_in_both, (files, scratch)),
            ('lost files are noticed', test_lost_files_are_noticed, (files, scratch))):
        suite.run('%s: %s' % (kind, name), fn, *args)


def main():
    global build
    parser = argparse.ArgumentParser(description='Tests the tools for files.')
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'))
    parser.add_argument('--rounds', type=int, default=60)
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    os.environ.setdefault('ROOKERY_SERVER', os.path.join(build, 'rookery-server'))
    suite = zk.Suite('inspect')
    scratch = tempfile.mkdtemp(prefix='rookery-inspect-')
    try:
        for kind in ('rookery', 'apache'):
            run_for(suite, fill_a_server(kind, scratch, kind), scratch, args.rounds)
        suite.run('the logs of an ensemble', test_an_ensembles_logs)
        suite.run('the man pages name every option', test_man_pages_name_every_option)
        suite.run('compressed snapshots of both', test_compressed_snapshots, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
