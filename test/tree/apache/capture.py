#!/usr/bin/python3
"""Records what Apache ZooKeeper makes of a random workload, as a fixture for test_apache.c.

    capture.py OUT [SEED [OPERATIONS]]

runs Debian's server, drives it with several sessions over the raw protocol (all kinds of nodes, multis,
ACLs, quotas, failures, sessions that end), and writes OUT, one line each:

    txn HEX         the payload of a record of its transaction log, in order
    snapshot HEX    the snapshot that it writes when it is started again, after the last of them

The fixture is kept in the repository; this program is not part of the build.
"""

import os
import random
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'blackbox'))

import zkharness as zk  # noqa: E402
import zkwire as w      # noqa: E402

NAMES = ['a', 'b', 'cc', 'd\u00e9', 'node-with-a-longer-name']
ACLS = [w.OPEN, w.READ_ONLY + [(w.ALL, 'ip', '127.0.0.1')],
        [(w.ALL, 'digest', 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ='), (w.ALL, 'world', 'anyone')],
        [(31, 'world', 'anyone'), (1, 'ip', '10.0.0.0/8')]]


known = ['/a']  # paths that were there at some time


def pick_path(rnd, is_new=False):
    if rnd.random() < 0.1:
        return ''.join('/' + rnd.choice(NAMES) for _ in range(rnd.randint(1, 4)))
    path = rnd.choice(known[-60:] + ['/a', '/cc', ''])
    if is_new and len(path) < 150:
        return path + '/' + rnd.choice(NAMES)
    return path or '/'


def learn(op, body, reply):
    if reply.err == 0 and op in (w.CREATE, w.CREATE2, w.CREATE_CONTAINER, w.CREATE_TTL):
        known.append(w.Reader(body).ustr().decode())


def pick_data(rnd):
    if rnd.random() < 0.1:
        return None
    return bytes(rnd.randrange(256) for _ in range(rnd.choice([0, 3, 20, 20, 100])))


def pick_create(rnd, path):
    """opcode and body; never flags that Apache's prep and apply disagree about."""
    data, acl = pick_data(rnd), rnd.choice(ACLS)
    op = rnd.choice([w.CREATE] * 3 + [w.CREATE2] * 3 + [w.CREATE_CONTAINER, w.CREATE_TTL])
    if op == w.CREATE_CONTAINER:
        return op, w.create(path, data, acl, w.CONTAINER)
    if op == w.CREATE_TTL:
        flags = rnd.choice([w.TTL, w.TTL_SEQUENTIAL])
        return op, w.create_ttl(path, data, acl, flags, rnd.choice([10**9, 10**6, 0xffffffffff]))
    return op, w.create(path, data, acl, rnd.choice([0, 0, 0, 1, 1, 2, 3]))


def pick_single(rnd):
    dice = rnd.random()
    path = pick_path(rnd, dice < 0.5)
    if dice < 0.5:
        return pick_create(rnd, path)
    if dice < 0.65:
        return w.DELETE, w.path_version(path, rnd.choice([-1, -1, -1, 0]))
    return w.SET_DATA, w.set_data(path, pick_data(rnd), rnd.choice([-1, -1, -1, 0]))


def pick_multi(rnd):
    ops = []
    for _ in range(rnd.randint(0, 4)):
        op, body = pick_single(rnd)
        if rnd.random() < 0.15:
            op, body = w.CHECK, w.path_version(pick_path(rnd), -1)
        ops.append((op, body))
    return w.MULTI, w.multi(ops)


def setup(client, rnd):
    for path in ('/a', '/a/b', '/cc'):
        client.call(w.CREATE, w.create(path, b'0123456789'))
    for quota, limits in (('/a', b'count=50,bytes=1000'), ('/cc', b'count=-1,bytes=-1'
                          b'=;byteHardLimit=100000;countHardLimit=1000')):
        client.call(w.CREATE, w.create('/zookeeper/quota' + quota))
        client.call(w.CREATE, w.create('/zookeeper/quota' + quota + '/zookeeper_limits', limits))
        client.call(w.CREATE, w.create('/zookeeper/quota' + quota + '/zookeeper_stats', b'x'))
    client.call(w.SET_DATA, w.set_data('/', b'the root has data too', -1))
    client.call(w.SET_ACL, w.set_acl('/', w.OPEN, -1))
    client.call(w.CREATE, w.create('/zookeeper/x', b'below'))


def drive(server, rnd, operations):
    clients = [w.Client(server) for _ in range(4)]
    setup(clients[0], rnd)
    for _ in range(operations):
        at = rnd.randrange(len(clients))
        dice = rnd.random()
        if dice < 0.03:
            clients[at].close_session()
            clients[at].close()
            clients[at] = w.Client(server)
            continue
        if dice < 0.15:
            op, body = pick_multi(rnd)
        elif dice < 0.22:
            op, body = w.SET_ACL, w.set_acl(pick_path(rnd), rnd.choice(ACLS), rnd.choice([-1, -1, 0]))
        else:
            op, body = pick_single(rnd)
        learn(op, body, clients[at].call(op, body))
    return clients


def log_payloads(files):
    for name in files:
        data = open(name, 'rb').read()
        at = 16
        while at + 12 <= len(data):
            length = struct.unpack_from('>i', data, at + 8)[0]
            if length <= 0:
                break
            yield data[at + 12:at + 12 + length]
            at += 12 + length + 1


def by_zxid(names):
    return sorted(names, key=lambda name: int(name.rsplit('.', 1)[1], 16))


def main():
    out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    operations = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    rnd = random.Random(seed)
    server = zk.make('apache', props={'zookeeper.extendedTypesEnabled': 'true'})
    server.start()
    clients = drive(server, rnd, operations)
    server.kill()
    for client in clients:
        client.close()
    server.start()
    time.sleep(1)
    server.kill()
    with open(out, 'w') as f:
        for payload in log_payloads(by_zxid(server.txn_logs())):
            f.write('txn %s\n' % payload.hex())
        f.write('snapshot %s\n' % open(by_zxid(server.snapshots())[-1], 'rb').read().hex())
    server.destroy()


if __name__ == '__main__':
    main()
