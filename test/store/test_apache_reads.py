#!/usr/bin/python3
"""Apache's server and tools on directories that this store wrote, and this store on Apache's.

    test_apache_reads.py [--build DIR] [--rounds N]

store_tool (of the build directory) is the store as a program. Every comparison is of whole trees: path, Stat,
data and ACL of each node.
"""
import argparse
import importlib.machinery
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'test', 'blackbox'))
import zkharness as zk  # noqa: E402
import zkwire as w  # noqa: E402

TYPES = {'zookeeper.extendedTypesEnabled': 'true'}
KINDS = ('plain', 'gz', 'snappy')
tool_path = None


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
# both sides

class Listing:
    """What store_tool says a directory holds."""

    def __init__(self, text):
        lines = text.decode('latin-1').splitlines()
        found = re.match(r'zxid (-?\d+) sessions (\d+) digests (\d+)/(\d+) torn (\S+) bad (\d+)'
                         r' snapshot (\S+)$', lines[0])
        self.zxid, self.sessions = int(found.group(1)), int(found.group(2))
        self.digests, self.mismatches = int(found.group(3)), int(found.group(4))
        self.torn, self.bad, self.snapshot = found.group(5), int(found.group(6)), found.group(7)
        self.nodes = by_path(lines[1:])


def by_path(lines):
    return {line.split(' ', 1)[0]: line.split(' ', 1)[1] for line in lines}


def tool(*args, fails=False):
    done = subprocess.run([tool_path] + [str(a) for a in args], capture_output=True, timeout=120,
                          check=False)
    if fails:
        zk.check(done.returncode == 1, 'store_tool %s: status %d' % (args, done.returncode))
        return done.stderr.decode()
    zk.check(done.returncode == 0, 'store_tool %s: %s' % (args, done.stderr.decode()))
    return Listing(done.stdout)


def compare(ours, apaches, what):
    for path in sorted(set(ours) | set(apaches)):
        mine, theirs = ours.get(path), apaches.get(path)
        if theirs is not None and mine is not None and theirs.endswith(' hidden'):
            mine = mine.rsplit(' ', 1)[0] + ' hidden'
        if mine != theirs:
            raise zk.CheckFailed('%s: %s: ours %r, Apache %r' % (what, path, mine, theirs))


def check_log(server, since=0):
    """Apache says so in its log if the digest of a transaction is not that of its tree."""
    with open(server.log_path, errors='replace') as f:
        text = f.read()[since:]
    for line in text.splitlines():
        if re.search(r'[Dd]igest.*(mismatch|not match)|CRC check failed|IOException', line):
            raise zk.CheckFailed('Apache says: ' + line)


def apache_on(data_dir, props=None):
    return zk.make('apache', data_dir=data_dir, props=dict(TYPES, **(props or {})))


def apaches_view(data_dir, props=None):
    """Starts Apache on the directory, returns every node as a client sees it, kills it."""
    with apache_on(data_dir, props) as server:
        client, _, lines = golden.describe(server)
        check_log(server)
        server.kill()
        client.close()
    return by_path(lines)


class Place:
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix='rookery-store-')
        self.data = os.path.join(self.dir, 'data')
        os.makedirs(self.data)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def files(self, prefix):
        at = os.path.join(self.data, 'version-2')
        found = [f for f in os.listdir(at) if f.split('.')[0] == prefix]
        return [os.path.join(at, f) for f in sorted(found, key=lambda f: int(f.split('.')[1], 16))]


# ---------------------------------------------------------------------------------------------
# tests

def java(main_class, *args):
    jars = [os.path.join(zk.jar_dir(), j) for j in ('zookeeper.jar', 'slf4j-nop.jar')]
    done = subprocess.run(['java', '-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', ':'.join(jars), main_class]
                          + list(args), capture_output=True, timeout=120, check=False)
    zk.check(done.returncode == 0, '%s: %s' % (main_class, (done.stdout + done.stderr).decode()[-500:]))
    return done.stdout.decode()


def toolkit_reads_every_record():
    with Place() as place:
        listing = tool('write', place.data, 1, 700, 'plain')
        count = 0
        for path in place.files('log'):
            text = java('org.apache.zookeeper.server.persistence.TxnLogToolkit', '-d', path)
            zk.check('CRC ERROR' not in text, text)
            count += int(re.search(r'EOF reached after (\d+) txns', text).group(1))
        zk.check_equal(count, 700, 'transactions')
        zk.check_equal(listing.zxid, 700, 'zxid')
        zk.check(len(place.files('log')) > 1, 'one log only')


def formatter_reads_every_snapshot(kind):
    with Place() as place:
        tool('write', place.data, 2, 900, kind)
        snapshots = place.files('snapshot')
        zk.check(len(snapshots) > 2, 'too few snapshots')
        for path in snapshots:
            text = java('org.apache.zookeeper.server.SnapshotFormatter', path)
            count = int(re.search(r'ZNode Details \(count=(\d+)\)', text).group(1))
            zk.check(count >= 5, 'nodes: %d' % count)


def server_reads_what_we_wrote(kind, seed):
    with Place() as place:
        ours = tool('write', place.data, seed, 800, kind)
        compare(tool('list', place.data).nodes, ours.nodes, 'read again by us')
        compare(ours.nodes, apaches_view(place.data), 'read by Apache')
        # Apache wrote a session and a snapshot behind it.
        again = tool('list', place.data)
        zk.check_equal(again.mismatches, 0, 'digests that differ')
        zk.check(again.zxid == ours.zxid + 1, 'zxid %d' % again.zxid)
        compare(again.nodes, ours.nodes, 'read behind Apache')


def server_replays_all_logs_of_ours(seed):
    """From snapshot.0 alone: every transaction that we wrote, by Apache."""
    with Place() as place:
        ours = tool('write', place.data, seed, 800, 'plain')
        for path in place.files('snapshot')[1:]:
            os.unlink(path)
        zk.check(len(place.files('log')) > 1, 'one log only')
        compare(ours.nodes, apaches_view(place.data), 'read by Apache')


def torn_tail_of_ours(cut):
    """The end of our last record did not make it to the disk."""
    with Place() as place:
        tool('write', place.data, 5, 300, 'plain')
        path = place.files('log')[-1]
        with open(path, 'r+b') as f:
            data = f.read()
            end = golden.end_of_records(data)
            f.seek(end - cut)
            f.write(bytes(cut))
        message = tool('list', place.data, fails=True)
        zk.check('its mark' in message, message)       # it was durable, and we know it
        os.unlink(path.replace('log.', 'zidx.'))
        ours = tool('list', place.data)
        zk.check_equal((ours.zxid, ours.torn), (299, os.path.basename(path)), 'where we end')
        compare(ours.nodes, apaches_view(place.data), 'read by Apache')
        zk.check_equal(tool('list', place.data).zxid, 300, 'zxid behind Apache')


def written_up_to(zxid, seed, kind):
    """What a directory holds whose history ends at zxid: the tool writes the same for the same seed."""
    with Place() as place:
        return tool('write', place.data, seed, zxid, kind)


def server_reads_what_we_cut(kind, seed):
    """Our TRUNC: Apache sees exactly the history up to there, also where snapshots were newer."""
    for zxid in (3, 250, 499, 600):
        with Place() as place:
            tool('write', place.data, seed, 600, kind)
            snapshots = len(place.files('snapshot'))
            ours = tool('truncate', place.data, zxid)
            zk.check_equal(ours.zxid, zxid, 'where we end')
            zk.check_equal(ours.mismatches, 0, 'digests that differ')
            expected = written_up_to(zxid, seed, kind)
            compare(ours.nodes, expected.nodes, 'cut at %d' % zxid)
            zk.check(zxid > 250 or len(place.files('snapshot')) < snapshots, 'no snapshot was newer')
            compare(ours.nodes, apaches_view(place.data), 'cut at %d, read by Apache' % zxid)
            # Its session comes next, so that it ended where we did.
            again = tool('list', place.data)
            zk.check_equal((again.zxid, again.mismatches), (zxid + 1, 0), 'behind Apache')


def apache_truncates(place, zxid):
    jars = [os.path.join(zk.jar_dir(), j) for j in ('zookeeper.jar', 'slf4j-nop.jar')]
    source = os.path.join(ROOT, 'test', 'store', 'apache', 'Truncate.java')
    done = subprocess.run(['java', '-Xmx256m', '-cp', ':'.join(jars), source,
                           os.path.join(place.data, 'version-2'), str(zxid)],
                          capture_output=True, timeout=120, check=False)
    zk.check(done.returncode == 0, 'Truncate: %s' % (done.stdout + done.stderr).decode()[-500:])


def we_read_what_apache_cut(seed):
    """Apache's TRUNC of our logs: our marks speak of what is gone, and that is no loss."""
    with Place() as place:
        whole = os.path.join(place.dir, 'whole')
        tool('write', place.data, seed, 600, 'plain')
        os.rename(place.data, whole)
        for zxid in (1, 300, 599):
            shutil.copytree(whole, place.data)
            newer = [f for f in place.files('snapshot') if int(f.rsplit('.', 1)[1], 16) > zxid]
            apache_truncates(place, zxid)
            if newer:
                # Apache leaves them, and would begin with what was cut off.
                message = tool('list', place.data, fails=True)
                zk.check('TRUNC' in message and os.path.basename(newer[-1]) in message, message)
                for path in newer:
                    os.unlink(path)
            ours = tool('list', place.data)
            zk.check_equal(ours.zxid, zxid, 'where we end')
            compare(ours.nodes, written_up_to(zxid, seed, 'plain').nodes, 'cut at %d' % zxid)
            compare(ours.nodes, apaches_view(place.data), 'cut at %d, read by Apache' % zxid)
            shutil.rmtree(place.data)


def write_load(server, rng, seconds_ops, acknowledged):
    """Pipelined writes on two sessions until killed in the middle; collects what was acknowledged."""
    clients = [w.Client(server) for _ in range(2)]
    sent = [[] for _ in clients]
    for i in range(seconds_ops):
        for c, client in enumerate(clients):
            path = '/k%d/n%d' % (rng.randrange(10), rng.randrange(400))
            data = bytes([rng.randrange(256)]) * rng.randrange(1, 300)
            kind = rng.randrange(6)
            if kind == 0:
                client.post(w.DELETE, w.path_version(path))
            elif kind == 1:
                client.post(w.MULTI, w.multi([(w.SET_DATA, w.set_data(path, data)),
                                              (w.SET_DATA, w.set_data('/k0', data))]))
            elif kind == 2:
                client.post(w.CREATE, w.create(path, data, flags=w.EPHEMERAL))
            elif kind == 3:
                client.post(w.SET_DATA, w.set_data(path, data))
            else:
                path = '/k%d/u%d-%d-%d' % (rng.randrange(10), len(acknowledged), c, i)
                client.post(w.CREATE, w.create(path, data))
            sent[c].append(path if kind > 3 else None)
    for c, client in enumerate(clients):
        for path in sent[c][:len(sent[c]) * 2 // 3]:
            reply = client.take(w.CREATE)
            if reply is None:
                break
            if path is not None and reply.err == 0:
                acknowledged.append((path, reply.zxid))
    return clients


def apache_killed_under_load(rounds, snap_count):
    """Apache writes and is killed; we read; Apache starts again and agrees; we write; Apache reads; ..."""
    rng = random.Random(rounds * 1000 + snap_count)
    props = {'zookeeper.snapCount': str(snap_count)}
    with Place() as place:
        acknowledged = []
        for n in range(rounds):
            with apache_on(place.data, props) as server:
                clients = [w.Client(server)]
                for k in range(10):
                    clients[0].call(w.CREATE, w.create('/k%d' % k))
                clients += write_load(server, rng, 900, acknowledged)
                server.kill()
                for client in clients:
                    client.close()
            copy = os.path.join(place.dir, 'copy')
            shutil.copytree(place.data, copy)
            ours = tool('list', copy)
            shutil.rmtree(copy)
            for path, zxid in acknowledged:
                zk.check(path in ours.nodes, 'acknowledged and gone: %s' % path)
                zk.check(zxid <= ours.zxid, 'zxid 0x%x was acknowledged, we end at 0x%x' % (zxid, ours.zxid))
            compare(ours.nodes, apaches_view(place.data, props), 'round %d' % n)
            wrote = tool('write', place.data, n + 1, 150, KINDS[n % 3])
            compare(wrote.nodes, apaches_view(place.data, props), 'round %d, behind us' % n)
        zk.check(len(acknowledged) > 100 * rounds, 'little was acknowledged: %d' % len(acknowledged))


def main():
    global tool_path
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'))
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    tool_path = os.path.join(args.build, 'test', 'store', 'store_tool')
    suite = zk.Suite('store')
    possible, why = zk.have('apache')
    if possible and not os.access(tool_path, os.X_OK):
        possible, why = False, 'no %s' % tool_path
    if not possible:
        suite.skip('Apache and the store', why)
        return suite.finish()
    suite.run('TxnLogToolkit reads every record', toolkit_reads_every_record)
    for kind in KINDS:
        suite.run('SnapshotFormatter reads %s snapshots' % kind, formatter_reads_every_snapshot, kind)
    for seed, kind in enumerate(KINDS):
        suite.run('Apache serves what we wrote, %s' % kind, server_reads_what_we_wrote, kind, 10 + seed)
    suite.run('Apache replays all our logs', server_replays_all_logs_of_ours, 20)
    for seed, kind in enumerate(KINDS):
        suite.run('Apache serves what we cut, %s' % kind, server_reads_what_we_cut, kind, 30 + seed)
    suite.run('we start from what Apache cut', we_read_what_apache_cut, 40)
    for cut in (1, 9, 60):
        suite.run('a torn tail of %d bytes' % cut, torn_tail_of_ours, cut)
    suite.run('Apache killed under load, its snapshots rare', apache_killed_under_load, args.rounds,
              100000)
    suite.run('Apache killed under load, snapshots all the time', apache_killed_under_load, args.rounds,
              100)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
