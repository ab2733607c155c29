"""kazoo against a server: nodes, watches, transactions, access lists, errors."""

import os

from kazoo import exceptions as ke
from kazoo.protocol import serialization as wire
from kazoo.protocol.states import EventType, ZnodeStat
from kazoo.security import (ACL, CREATOR_ALL_ACL, Id, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl,
                            make_digest_acl, make_digest_acl_credential)

from clientkit import zk
from kazoo_kit import Told

eq = zk.check_equal


# Codes of servers newer than this kazoo: an application that meets them teaches them to it so.
class ReconfigDisabledError(ke.ZookeeperError):
    code = -123


class QuotaExceededError(ke.ZookeeperError):
    code = -125


ke.EXCEPTIONS[-123] = ReconfigDisabledError
ke.EXCEPTIONS[-125] = QuotaExceededError


def refused(error, function, *args, **kwargs):
    """The call must raise exactly this class."""
    try:
        value = function(*args, **kwargs)
    except Exception as e:
        eq(type(e), error, 'error of %s%r' % (getattr(function, '__name__', function), args))
        return e
    raise zk.CheckFailed('%s%r gave %r instead of %s' % (function, args, value, error.__name__))


def names(events):
    return ['%s %s' % (event.type, event.path) for event in events]


def test_life_of_a_node(env):
    client, base = env.client(), env.base
    eq(client.create(base, b'one'), base)
    data, stat = client.get(base)
    eq(data, b'one')
    zk.check(isinstance(stat, ZnodeStat) and stat.czxid > 0, 'no stat: %r' % (stat,))
    eq((stat.version, stat.cversion, stat.aversion, stat.ephemeralOwner, stat.dataLength,
        stat.numChildren), (0, 0, 0, 0, 3, 0))
    eq((stat.mzxid, stat.pzxid, stat.mtime), (stat.czxid, stat.czxid, stat.ctime))
    changed = client.set(base, b'four')
    eq((changed.version, changed.mzxid, changed.dataLength), (1, stat.czxid + 1, 4))
    client.create(base + '/c')
    after = client.exists(base)
    eq((after.cversion, after.numChildren, after.pzxid), (1, 1, stat.czxid + 2))
    client.delete(base + '/c')
    after = client.exists(base)
    eq((after.cversion, after.numChildren, after.pzxid), (2, 0, stat.czxid + 3))
    client.delete(base, version=1)
    eq(client.exists(base), None)


def test_data_of_all_kinds(env):
    client, base = env.client(), env.base
    client.create(base, None)
    eq(client.get(base)[0], None)
    client.set(base, b'')
    eq(client.get(base)[0], b'')
    client.set(base, None)
    eq(client.get(base)[0], None)
    everything = bytes(range(256)) * 16
    client.set(base, everything)
    eq(client.get(base)[0], everything)
    big = os.urandom(1000000)
    client.set(base, big)
    data, stat = client.get(base)
    zk.check(data == big, 'a million bytes came back different')
    eq(stat.dataLength, 1000000)
    name = base + '/\u00e5ngstr\u00f6m \u4e2d\u6587 \u0416'
    eq(client.create(name, 'v\u00e4rde'.encode()), name)
    eq(client.get_children(base), [name.rsplit('/', 1)[1]])
    eq(client.get(name)[0].decode(), 'v\u00e4rde')


def test_create_options(env):
    client, base = env.client(), env.base
    client.create(base + '/a/b/c', b'deep', makepath=True)
    eq(client.get(base + '/a/b/c')[0], b'deep')
    eq(client.get(base + '/a/b')[0], b'')
    path, stat = client.create(base + '/two', b'xy', include_data=True)
    eq(path, base + '/two')
    eq(stat, client.exists(path))
    path, stat = client.create(base + '/two/s-', b'', ephemeral=True, sequence=True,
                               include_data=True)
    eq(path, base + '/two/s-0000000000')
    eq(stat.ephemeralOwner, client.client_id[0])
    client.ensure_path(base + '/ensured/twice')
    eq(client.ensure_path(base + '/ensured/twice'), True)
    client.ensure_path_async(base + '/ensured/later').get(20)
    zk.check(client.exists(base + '/ensured/later'), 'ensure_path_async')


def test_sequences(env):
    client, base = env.client(), env.base
    client.create(base)
    made = [client.create(base + '/s-', sequence=True) for _ in range(3)]
    eq(made, [base + '/s-000000000%d' % i for i in range(3)])
    client.create(base + '/plain')
    client.delete(made[2])
    eq(client.create(base + '/', sequence=True), base + '/0000000004')
    eq(client.create(base + '/e', ephemeral=True, sequence=True), base + '/e0000000005')
    eq(client.create(base + '/new/s-', sequence=True, makepath=True), base + '/new/s-0000000000')


def test_ephemerals_end_with_the_session(env):
    client, other = env.two()
    base = env.base
    client.create(base)
    client.create(base + '/e', ephemeral=True)
    eq(other.get(base + '/e')[1].ephemeralOwner, client.client_id[0])
    eq(other.get(base + '/e')[1].owner_session_id, client.client_id[0])
    told = Told()
    other.exists(base + '/e', watch=told)
    client.stop()
    eq(names(told.wait_count(1)), ['DELETED %s/e' % base])
    eq(other.get_children(base), [])


def test_children(env):
    client, base = env.client(), env.base
    client.create(base)
    for name in 'cab':
        client.create(base + '/' + name)
    eq(sorted(client.get_children(base)), ['a', 'b', 'c'])
    children, stat = client.get_children(base, include_data=True)
    eq((sorted(children), stat.numChildren, stat.children_version), (['a', 'b', 'c'], 3, 3))
    for i in range(2000):
        client.create_async(base + '/a/%04d' % i)
    eq(len(client.get_children(base + '/a')), 2000)
    client.create(base + '/b/x/y/z', makepath=True)
    client.delete(base, recursive=True)
    eq(client.exists(base), None)


def test_asynchronous_calls(env):
    client, base = env.client(), env.base
    pending = [
        client.create_async(base, b'x'),
        client.create_async(base + '/c', b'y', ephemeral=True),
        client.exists_async(base),
        client.get_async(base + '/c'),
        client.set_async(base, b'z', 0),
        client.get_children_async(base),
        client.get_children_async(base, include_data=True),
        client.get_acls_async(base),
        client.set_acls_async(base, OPEN_ACL_UNSAFE, 0),
        client.sync_async(base),
        client.delete_async(base + '/c'),
        client.delete_async(base + '/none'),
        client.get_async(base),
    ]
    results = []
    for one in pending:
        try:
            results.append(one.get(20))
        except ke.ZookeeperError as e:
            results.append(type(e))
    eq(results[0:2], [base, base + '/c'])
    eq(results[2].numChildren, 1)
    eq(results[3][0], b'y')
    eq(results[4].version, 1)
    eq(results[5], ['c'])
    eq(results[6][0], ['c'])
    eq(results[7][0], OPEN_ACL_UNSAFE)
    eq(results[8].aversion, 1)
    eq(results[9:12], [base, None if results[10] is None else True, ke.NoNodeError])
    eq((results[12][0], results[12][1].version), (b'z', 1))


def test_many_in_flight(env):
    """Thousands at once: answers in order and each read sees the write before it."""
    client, base = env.client(), env.base
    client.create(base)
    order = Told()
    reads = []
    for i in range(2000):
        client.set_async(base, b'%d' % i).rawlink(lambda _, i=i: order(i))
        reads.append(client.get_async(base))
    for i, read in enumerate(reads):
        data, stat = read.get(30)
        eq((data, stat.version), (b'%d' % i, i + 1))
    eq(order.wait_count(2000), list(range(2000)))


def test_watches_fire_once(env):
    client, base = env.client(), env.base
    told = Told()
    client.exists(base, watch=told)
    client.create(base)
    client.set(base, b'1')
    env.fence(client)
    eq(names(told.now()), ['CREATED %s' % base])
    told.clear()
    client.get(base, watch=told)
    client.set(base, b'2')
    client.set(base, b'3')
    env.fence(client)
    eq(names(told.now()), ['CHANGED %s' % base])
    told.clear()
    client.get_children(base, watch=told)
    client.create(base + '/a')
    client.create(base + '/b')
    client.set(base, b'4')
    env.fence(client)
    eq(names(told.now()), ['CHILD %s' % base])
    told.clear()
    data_told, exists_told, children_told, parent_told = Told(), Told(), Told(), Told()
    client.get(base + '/a', watch=data_told)
    client.exists(base + '/a', watch=exists_told)
    client.get_children(base + '/a', watch=children_told)
    client.get_children(base, watch=parent_told, include_data=True)
    client.delete(base + '/a')
    env.fence(client)
    for each in (data_told, exists_told, children_told):
        eq(names(each.now()), ['DELETED %s/a' % base])
    eq(names(parent_told.now()), ['CHILD %s' % base])


def test_watches_see_other_sessions(env):
    client, other = env.two()
    base = env.base
    client.create(base)
    told = Told()
    client.get(base, watch=told)
    client.get_children(base, watch=told)
    client.exists(base + '/x', watch=told)
    other.set(base, b'new')
    other.create(base + '/x')
    env.fence(client)
    eq(names(told.now()), ['CHANGED %s' % base, 'CREATED %s/x' % base, 'CHILD %s' % base])
    eq([e.state for e in told.now()], ['CONNECTED'] * 3)
    # The event is there before a read that shows the change.
    for i in range(100):
        seen = Told()
        client.get(base, watch=seen)
        other.set(base, b'%d' % i)
        eq(client.get(base)[0], b'%d' % i)
        eq(names(seen.wait_count(1)), ['CHANGED %s' % base])


def test_transactions(env):
    client, base = env.client(), env.base
    client.create(base, b'old')
    client.create(base + '/gone')
    with client.transaction() as t:
        t.create(base + '/new', b'n')
        t.create(base + '/s-', sequence=True)
        t.create(base + '/e', ephemeral=True)
        t.set_data(base, b'changed', version=0)
        t.check(base, version=1)
        t.delete(base + '/gone', version=0)
    eq(sorted(client.get_children(base)), ['e', 'new', 's-0000000002'])
    stat = client.get(base + '/new')[1]
    eq(client.get(base)[1].mzxid, stat.czxid)

    t = client.transaction()
    t.create(base + '/x')
    t.set_data(base, b'again')
    t.check(base, version=77)
    t.delete(base + '/new')
    eq([type(r) for r in t.commit()],
       [ke.RolledBackError, ke.RolledBackError, ke.BadVersionError, ke.RuntimeInconsistency])
    eq(client.exists(base + '/x'), None)
    eq(client.get(base)[0], b'changed')

    t = client.transaction()
    t.create(base + '/y')
    t.set_data(base, b'async')
    t.delete(base + '/y')
    results = t.commit_async().get(20)
    eq((results[0], results[1].version, results[2]), (base + '/y', 2, True))
    refused(ValueError, t.commit)
    eq(client.transaction().commit(), [])

    for op, error in (
            (lambda t: t.create(base), ke.NodeExistsError),
            (lambda t: t.create(base + '/no/where'), ke.NoNodeError),
            (lambda t: t.create(base + '/e/x'), ke.NoChildrenForEphemeralsError),
            (lambda t: t.create(base + '/i', acl=[make_acl('nope', 'x', all=True)]),
             ke.InvalidACLError),
            (lambda t: t.delete(base), ke.NotEmptyError),
            (lambda t: t.delete(base + '/none'), ke.NoNodeError),
            (lambda t: t.set_data(base, b'', 99), ke.BadVersionError),
            (lambda t: t.set_data('/zookeeper/config', b''), ke.NoAuthError),
            (lambda t: t.delete('/zookeeper'), ke.BadArgumentsError)):
        t = client.transaction()
        op(t)
        eq([type(r) for r in t.commit()], [error])


def test_access_lists(env):
    base = env.base
    bob = env.client(auth_data=[('digest', 'bob:secret')])
    stranger = env.client()
    acl = make_digest_acl('bob', 'secret', all=True)
    bob.create(base, b'', acl=CREATOR_ALL_ACL)
    acls, stat = bob.get_acls(base)
    eq(acls, [acl])
    eq(acl.id.id, make_digest_acl_credential('bob', 'secret'))
    eq(stat.aversion, 0)
    for call in ((stranger.get, base), (stranger.set, base, b''), (stranger.get_children, base),
                 (stranger.create, base + '/x'), (stranger.get_acls, base),
                 (stranger.set_acls, base, OPEN_ACL_UNSAFE), (stranger.delete, base + '/x')):
        refused(ke.NoAuthError, *call)
    stranger.add_auth('digest', 'bob:secret')
    eq(stranger.get(base)[0], b'')
    stat = bob.set_acls(base, READ_ACL_UNSAFE + [acl], version=0)
    eq(stat.aversion, 1)
    refused(ke.BadVersionError, bob.set_acls, base, OPEN_ACL_UNSAFE, 0)
    reader = env.client()
    masked = reader.get_acls(base)[0]
    eq(masked, READ_ACL_UNSAFE + [ACL(31, Id('digest', 'bob:x'))])
    refused(ke.NoAuthError, reader.set, base, b'')
    refused(ke.NoNodeError, bob.get_acls, base + '/none')
    refused(ke.NoNodeError, bob.set_acls, base + '/none', OPEN_ACL_UNSAFE)
    # A default list for everything a client makes.
    careful = env.client(auth_data=[('digest', 'carol:pw')],
                         default_acl=[make_digest_acl('carol', 'pw', all=True)])
    careful.create(env.base + '-default')
    eq(careful.get_acls(env.base + '-default')[0], [make_digest_acl('carol', 'pw', all=True)])
    careful.ensure_path(env.base + '-default/deep/er')
    refused(ke.NoAuthError, reader.get, env.base + '-default/deep/er')


def test_two_identities(env):
    client, base = env.client(), env.base
    client.add_auth('digest', 'a:1')
    client.add_auth_async('digest', 'b:2').get(20)
    client.create(base, acl=CREATOR_ALL_ACL)
    eq(sorted(a.id.id.split(':')[0] for a in client.get_acls(base)[0]), ['a', 'b'])
    env.client(auth_data=[('digest', 'b:2')]).set(base, b'by b')


def test_permissions_one_by_one(env):
    client, base = env.client(), env.base
    client.create(base)
    for permission in ('read', 'write', 'create', 'delete', 'admin'):
        path = base + '/' + permission
        client.create(path, acl=[make_acl('world', 'anyone', **{permission: True})])
        for needed, call in (
                ('read', (client.get, path)), ('read', (client.get_children, path)),
                ('write', (client.set, path, b'')), ('create', (client.create, path + '/c'))):
            if needed == permission:
                call[0](*call[1:])
            else:
                refused(ke.NoAuthError, *call)
        refused(ke.NoNodeError if permission == 'delete' else ke.NoAuthError,
                client.delete, path + '/none')
        if permission == 'admin':
            client.set_acls(path, OPEN_ACL_UNSAFE)
        else:
            refused(ke.NoAuthError, client.set_acls, path, OPEN_ACL_UNSAFE)


def test_super(env):
    client, base = env.client(), env.base
    client.create(base, acl=[make_digest_acl('nobody', 'x', all=True)])
    refused(ke.NoAuthError, client.set, base, b'')
    client.add_auth('digest', 'super:test')
    client.set(base, b'super')
    client.set('/zookeeper/config', b'')
    client.delete(base)


def test_invalid_access_lists(env):
    client, base = env.client(), env.base
    for acl in ([make_acl('world', 'someone', all=True)], [make_acl('auth', '', all=True)],
                [make_acl('digest', 'nocolon', all=True)], [make_acl('ip', 'x.y', all=True)],
                [make_acl('super', 'x', all=True)], [make_acl('sasl', 'x', all=True)],
                OPEN_ACL_UNSAFE + [make_acl('unknown', 'x', all=True)]):
        refused(ke.InvalidACLError, client.create, base, b'', acl)
    client.create(base)
    refused(ke.InvalidACLError, client.set_acls, base, [])
    refused(ke.InvalidACLError, client.set_acls, base + '/none', [])
    client.set_acls(base, [make_acl('ip', '127.0.0.1', all=True)] + READ_ACL_UNSAFE)
    client.set(base, b'by ip')


class Raw:
    """A request that kazoo has no call for."""

    def __init__(self, opcode, body):
        self.type = opcode
        self.body = body
        self.path = None

    def serialize(self):
        return self.body

    @staticmethod
    def deserialize(data, offset):
        return bytes(data[offset:])


def send_raw(client, opcode, body):
    result = client.handler.async_result()
    client._call(Raw(opcode, body), result)
    return result.get(20)


def text(value):
    return wire.write_string(value)


def test_every_error_class(env):
    client, base = env.client(), env.base
    client.create(base)
    client.create(base + '/child')
    client.create(base + '/e', ephemeral=True)
    refused(ke.NoNodeError, client.get, base + '/none')
    refused(ke.NoNodeError, client.get_children, base + '/none')
    refused(ke.NoNodeError, client.set, base + '/none', b'')
    refused(ke.NoNodeError, client.delete, base + '/none')
    refused(ke.NoNodeError, client.create, base + '/none/x')
    refused(ke.NodeExistsError, client.create, base)
    refused(ke.NotEmptyError, client.delete, base)
    refused(ke.BadVersionError, client.set, base, b'', 5)
    refused(ke.BadVersionError, client.delete, base, 5)
    refused(ke.NoChildrenForEphemeralsError, client.create, base + '/e/x')
    refused(ke.InvalidACLError, client.create, base + '/i', acl=[make_acl('no', 'x', all=True)])
    refused(ke.NoAuthError, client.set, '/zookeeper/config', b'')
    refused(ke.BadArgumentsError, client.delete, '/zookeeper')
    refused(ke.BadArgumentsError, client.create, base + '/bad\x01name')
    refused(ke.BadArgumentsError, client.create, base + '/\U0001f600')
    # Nothing in the body of a getData: the server cannot decode it and says so.
    refused(ke.MarshallingError, send_raw, client, 4, b'')
    # createTTL on a server that was not told to allow it.
    plain = env.client(env.plain_server.hosts)
    ttl = (text('/ttl') + wire.write_buffer(b'') + b'\0\0\0\1' + b'\0\0\0\x1f' + text('world')
           + text('anyone') + b'\0\0\0\5' + (1000).to_bytes(8, 'big'))
    refused(ke.UnimplementedError, send_raw, plain, 21, ttl)
    eq(plain.exists('/ttl'), None)
    # With the key set the same bytes make a node.
    zk.check(send_raw(client, 21, ttl)[4:8] == b'/ttl', 'answer of createTTL')
    client.delete('/ttl')
    # The connection outlived all of it.
    eq(client.get(base)[0], b'')
    refused(ke.AuthFailedError, env.client().add_auth, 'unknown', 'x')
    stopped = env.client()
    stopped.stop()
    refused(ke.ConnectionClosedError, stopped.get, '/')


def test_unknown_request_ends_the_connection_only(env):
    client = env.client()
    session = client.client_id[0]
    client.told_states.clear()
    result = client.handler.async_result()
    client._call(Raw(1000, b''), result)
    refused(ke.UnimplementedError, result.get, 20)
    client.told_states.wait_for(lambda s: s[-1:] == ['CONNECTED'], 'reconnect')
    eq(client.client_id[0], session)
    eq(client.retry(client.exists, env.base), None)


def test_later_opcodes(env):
    """What kazoo has no call for yet, in kazoo's own frames: newer opcodes than it knows."""
    client, base = env.client(), env.base
    client.create(base)
    client.create(base + '/e', ephemeral=True)
    client.create(base + '/e2', ephemeral=True)
    answer = send_raw(client, 103, text(base + '/e2'))
    eq(answer, b'\0\0\0\1' + text(base + '/e2'), 'getEphemerals')
    eq(send_raw(client, 104, text(base)), b'\0\0\0\2', 'getAllChildrenNumber')
    whoami = send_raw(client, 107, b'')
    eq(whoami, b'\0\0\0\1' + text('ip') + text('127.0.0.1'), 'whoAmI')
    container = (text(base + '/box') + wire.write_buffer(b'') + b'\0\0\0\1' + b'\0\0\0\x1f'
                 + text('world') + text('anyone') + b'\0\0\0\4')
    zk.check(send_raw(client, 19, container).startswith(text(base + '/box')), 'createContainer')
    client.create(base + '/box/c')
    told = Told()
    client.exists(base + '/box', watch=told)
    client.delete(base + '/box/c')
    eq(names(told.wait_count(1)), ['DELETED %s/box' % base])


def test_reconfig_switched_off(env):
    client = env.client()
    for arguments in (('server.2=127.0.0.1:3:4;5', None, None), (None, '2', None),
                      (None, None, 'server.1=127.0.0.1:3:4;5'), (None, None, None)):
        refused(ReconfigDisabledError, client.reconfig, *arguments)
        refused(ReconfigDisabledError, client.reconfig_async(*arguments, 7).get, 20)
    eq(client.get('/zookeeper/config')[0], b'')


def test_chroot(env):
    client, base = env.client(), env.base
    client.ensure_path(base + '/jail')
    inside = env.client(env.server.hosts + base + '/jail')
    eq(inside.create('/a', b'in'), '/a')
    eq(inside.create('/s-', sequence=True), '/s-0000000001')
    eq(client.get(base + '/jail/a')[0], b'in')
    eq(sorted(inside.get_children('/')), ['a', 's-0000000001'])
    told = Told()
    inside.get('/a', watch=told)
    inside.exists('/later', watch=told)
    client.set(base + '/jail/a', b'out')
    client.create(base + '/jail/later')
    env.fence(inside)
    eq([(e.type, e.path) for e in told.now()], [(EventType.CHANGED, '/a'),
                                                (EventType.CREATED, '/later')])
    with inside.transaction() as t:
        t.create('/in-tx')
    zk.check(client.exists(base + '/jail/in-tx'), 'transaction within the chroot')
    fresh = env.client(env.server.hosts + base + '-fresh')
    fresh.ensure_path('/')
    fresh.create('/x')
    zk.check(client.exists(base + '-fresh/x'), 'chroot made by ensure_path')


def test_sync(env):
    client, other = env.two()
    client.create(env.base, b'1')
    eq(other.sync(env.base), env.base)
    eq(other.get(env.base)[0], b'1')
    eq(other.sync('/not/there'), '/not/there')


def test_quota_usage_and_limits(env):
    client, base = env.client(), env.base
    client.create(base, b'12345')
    client.create(base + '/a', b'xyz')
    quota = '/zookeeper/quota' + base
    client.create(quota + '/zookeeper_limits', b'count=-1,bytes=-1=;byteHardLimit=20;'
                  b'countHardLimit=3', makepath=True)
    client.create(quota + '/zookeeper_stats', b'count=0,bytes=0')
    eq(client.get(quota + '/zookeeper_stats')[0], b'count=2,bytes=8')
    client.create(base + '/b', b'1234')
    eq(client.get(quota + '/zookeeper_stats')[0], b'count=3,bytes=12')
    client.set(base + '/b', b'1')
    eq(client.get(quota + '/zookeeper_stats')[0], b'count=3,bytes=9')
    client.delete(base + '/b')
    eq(client.get(quota + '/zookeeper_stats')[0], b'count=2,bytes=8')
    refused(QuotaExceededError, client.set, base, b'x' * 18)
    client.create(base + '/b', b'1234')
    refused(QuotaExceededError, client.create, base + '/c')
    t = client.transaction()
    t.set_data(base, b'')
    t.create(base + '/c')
    eq([type(r) for r in t.commit()], [ke.RolledBackError, QuotaExceededError])
    client.delete(base + '/b')
    # A quota that is only soft is never enforced.
    client.set(quota + '/zookeeper_limits', b'count=1,bytes=1')
    client.create(base + '/b', b'1234')
    eq(client.get(quota + '/zookeeper_stats')[0], b'count=3,bytes=12')
    client.delete(quota, recursive=True)
    client.create(base + '/c')


def test_four_letter_words(env):
    client = env.client()
    eq(client.command(), 'imok')
    zk.check('Mode: standalone' in client.command(b'srvr'), 'srvr')
    zk.check('Zookeeper version: ' in client.command(b'stat'), 'stat')
    version = client.server_version()
    zk.check(len(version) >= 3 and version[0] == 3, 'server_version %r' % (version,))
    zk.check(('sid=0x%x' % client.client_id[0]) in client.command(b'cons'), 'cons')
    zk.check('zk_znode_count' in client.command(b'mntr'), 'mntr')


def test_read_only_clients_get_a_normal_server(env):
    client = env.client(read_only=True)
    eq(client.client_state, 'CONNECTED')
    client.create(env.base)


TESTS = [
    ('life of a node', test_life_of_a_node),
    ('data of all kinds', test_data_of_all_kinds),
    ('create options', test_create_options),
    ('sequences', test_sequences),
    ('ephemerals end with the session', test_ephemerals_end_with_the_session),
    ('children', test_children),
    ('asynchronous calls', test_asynchronous_calls),
    ('many in flight', test_many_in_flight),
    ('watches fire once', test_watches_fire_once),
    ('watches see other sessions', test_watches_see_other_sessions),
    ('transactions', test_transactions),
    ('access lists', test_access_lists),
    ('two identities', test_two_identities),
    ('permissions one by one', test_permissions_one_by_one),
    ('super', test_super),
    ('invalid access lists', test_invalid_access_lists),
    ('every error class', test_every_error_class),
    ('unknown request ends the connection only', test_unknown_request_ends_the_connection_only),
    ('later opcodes', test_later_opcodes),
    ('reconfig switched off', test_reconfig_switched_off),
    ('chroot', test_chroot),
    ('sync', test_sync),
    ('quota usage and limits', test_quota_usage_and_limits),
    ('four-letter words', test_four_letter_words),
    ('read-only clients get a normal server', test_read_only_clients_get_a_normal_server),
]
