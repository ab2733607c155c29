"""kazoo against a server: sessions that move, expire and outlive the server.

The tests that restart the server stand last, as they end every other connection to it.
"""

from kazoo import exceptions as ke
from kazoo.protocol.states import KazooState
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.security import CREATOR_ALL_ACL

import clientkit as kit
from clientkit import zk
from kazoo_nodes import eq, names, refused
from kazoo_kit import Told


def test_timeouts_are_negotiated(env):
    for asked, given in ((0.3, 1000), (20, 20000), (1000, 60000)):
        client = env.client(timeout=asked)
        line = [l for l in env.server.four('cons').splitlines()
                if 'sid=0x%x,' % client.client_id[0] in l]
        zk.check(len(line) == 1 and ',to=%d,' % given in line[0], 'asked %s: %r' % (asked, line))


def test_session_is_taken_up_by_another_client(env):
    first = env.client(env.forwarder.hosts)
    first.create(env.base, ephemeral=True)
    identity = first.client_id
    # The first loses its way to the server but not its session.
    env.forwarder.cut()
    first.told_states.wait_for(lambda s: KazooState.SUSPENDED in s, 'suspended')
    second = env.client(client_id=identity)
    eq(second.client_id[0], identity[0])
    eq(second.get(env.base)[1].ephemeralOwner, identity[0])
    second.stop()
    eq(env.client().exists(env.base), None)
    env.forwarder.heal()
    first.told_states.wait_for(lambda s: KazooState.LOST in s, 'session lost')
    first.told_states.wait_for(lambda s: s[-1] == KazooState.CONNECTED, 'a new session')
    zk.check(first.client_id[0] != identity[0], 'the old session again')


def test_wrong_password(env):
    owner = env.client()
    owner.create(env.base, ephemeral=True)
    session, password = owner.client_id
    thief = env.client(client_id=(session, bytes([password[0] ^ 1]) + password[1:]))
    # Refused, it makes a session of its own.
    zk.check(thief.client_id[0] != session, 'in with a wrong password')
    eq(thief.get(env.base)[1].ephemeralOwner, session)


def test_expiry(env):
    """A client that is cut off for longer than its timeout loses session and ephemerals."""
    client = env.client(env.forwarder.hosts, timeout=1.0)
    other = env.client()
    client.create(env.base, ephemeral=True)
    session = client.client_id[0]
    told = Told()
    other.exists(env.base, watch=told)
    env.forwarder.cut()
    eq(names(told.wait_count(1)), ['DELETED %s' % env.base])
    env.forwarder.heal()
    client.told_states.wait_for(lambda s: KazooState.LOST in s and s[-1] == KazooState.CONNECTED,
                                'lost and connected again')
    zk.check(client.client_id[0] != session, 'the same session')
    eq(client.exists(env.base), None)


def test_end_with_creates_in_flight(env):
    """Ephemerals that are not on disk yet when their session ends go with it."""
    other = env.client()
    other.create(env.base)
    for _ in range(5):
        client = env.client()
        for i in range(300):
            client.create_async('%s/%d' % (env.base, i), ephemeral=True)
        client.stop()
        eq(other.get_children(env.base), [])


def test_watchers_after_expiry(env):
    """DataWatch and ChildrenWatch carry on in the next session."""
    client = env.client(env.forwarder.hosts, timeout=1.0)
    other = env.client()
    other.create(env.base, b'1')
    data, children = Told(), Told()
    client.DataWatch(env.base, lambda value, stat: data(value))
    client.ChildrenWatch(env.base, lambda found: children(sorted(found)))
    client.create(env.base + '/e', ephemeral=True)
    children.wait_for(lambda c: c[-1] == ['e'], 'the ephemeral')
    gone = Told()
    other.exists(env.base + '/e', watch=gone)
    env.forwarder.cut()
    gone.wait_count(1)
    other.set(env.base, b'2')
    other.create(env.base + '/x')
    env.forwarder.heal()
    data.wait_for(lambda d: d[-1] == b'2', 'data after the expiry')
    children.wait_for(lambda c: c[-1] == ['x'], 'children after the expiry')
    other.set(env.base, b'3')
    data.wait_for(lambda d: d[-1] == b'3', 'data in the new session')


def test_short_cut_keeps_the_session(env):
    client = env.client(env.forwarder.hosts)
    session = client.client_id[0]
    client.create(env.base, ephemeral=True)
    client.add_auth('digest', 'bob:secret')
    for _ in range(3):
        client.told_states.clear()
        env.forwarder.cut()
        client.told_states.wait_for(lambda s: KazooState.SUSPENDED in s, 'suspended')
        env.forwarder.heal()
        client.told_states.wait_for(lambda s: s[-1] == KazooState.CONNECTED, 'connected')
        eq(client.client_id[0], session)
    eq(client.get(env.base)[1].ephemeralOwner, session)
    # The identity is given anew on each connection.
    client.create(env.base + '-mine', acl=CREATOR_ALL_ACL)
    eq(client.get_acls(env.base + '-mine')[0][0].id.id.split(':')[0], 'bob')


def test_everything_outlives_the_server(env):
    client = env.client(env.forwarder.hosts)
    session = client.client_id[0]
    client.add_auth('digest', 'bob:secret')
    client.create(env.base, b'kept', acl=CREATOR_ALL_ACL)
    client.create(env.base + '/e', ephemeral=True)
    client.create(env.base + '/s-', sequence=True)
    before = client.get(env.base)
    client.told_states.clear()
    kit.restart(env.server, env.forwarder)
    client.told_states.wait_for(lambda s: s[-1:] == [KazooState.CONNECTED], 'connected')
    eq(client.client_id[0], session)
    eq(client.retry(client.get, env.base), before)
    eq(client.get(env.base + '/e')[1].ephemeralOwner, session)
    eq(client.create(env.base + '/s-', sequence=True), env.base + '/s-0000000002')
    refused(ke.NoAuthError, env.client().get, env.base)


def test_session_expires_although_the_server_was_away(env):
    """Nobody comes back for a session after the restart: it expires all the same."""
    gone = env.client(env.forwarder.hosts, timeout=1.0)
    gone.create(env.base, ephemeral=True)
    env.server.kill()
    env.forwarder.cut()
    env.server.start()
    other = env.client()
    told = Told()
    if other.exists(env.base, watch=told):
        eq(names(told.wait_count(1)), ['DELETED %s' % env.base])
    eq(other.exists(env.base), None)


def test_recipes_over_a_restart(env):
    a, b = env.client(env.forwarder.hosts), env.client(env.forwarder.hosts)
    base = env.base
    a.create(base, b'1')
    data, children, tree = Told(), Told(), Told()
    a.DataWatch(base, lambda value, stat: data(value))
    a.ChildrenWatch(base, lambda found: children(sorted(found)))
    cache = TreeCache(a, base)
    cache.listen(lambda event: tree((event.event_type,
                                     event.event_data and event.event_data.path)))
    cache.start()
    tree.wait_for(lambda t: (TreeEvent.INITIALIZED, None) in t, 'the cache')
    lock_a, lock_b = a.Lock(base + '-lock', 'a'), b.Lock(base + '-lock', 'b')
    lock_a.acquire()
    waiting = env.thread(lock_b.acquire)
    kit.wait_until(lambda: lock_a.contenders() == ['a', 'b'], 'both contend')
    for client in (a, b):
        client.told_states.clear()
    kit.restart(env.server, env.forwarder)
    for client in (a, b):
        client.told_states.wait_for(lambda s: s[-1:] == [KazooState.CONNECTED], 'connected')
    eq(a.retry(lock_a.contenders), ['a', 'b'])
    zk.check(not lock_b.is_acquired, 'b got a lock that a holds')
    b.retry(b.set, base, b'2')
    data.wait_for(lambda d: d[-1] == b'2', 'the data watch')
    b.create(base + '/x')
    children.wait_for(lambda c: c[-1] == ['x'], 'the children watch')
    tree.wait_for(lambda t: (TreeEvent.NODE_ADDED, base + '/x') in t, 'the cache')
    cache.close()
    lock_a.release()
    eq(env.join(waiting), True)


def test_commands_wait_for_the_server(env):
    client = env.client(env.forwarder.hosts)
    client.create(env.base, b'x')
    pending = []

    def while_down():
        client.told_states.wait_for(lambda s: KazooState.SUSPENDED in s, 'suspended')
        pending.append(env.thread(client.retry, client.set, env.base, b'y'))

    kit.restart(env.server, env.forwarder, while_down)
    eq(env.join(pending[0]).version, 1)
    eq(client.get(env.base)[0], b'y')


TESTS = [
    ('timeouts are negotiated', test_timeouts_are_negotiated),
    ('session is taken up by another client', test_session_is_taken_up_by_another_client),
    ('wrong password', test_wrong_password),
    ('expiry', test_expiry),
    ('end with creates in flight', test_end_with_creates_in_flight),
    ('watchers after expiry', test_watchers_after_expiry),
    ('short cut keeps the session', test_short_cut_keeps_the_session),
    ('everything outlives the server', test_everything_outlives_the_server),
    ('session expires although the server was away',
     test_session_expires_although_the_server_was_away),
    ('recipes over a restart', test_recipes_over_a_restart),
    ('commands wait for the server', test_commands_wait_for_the_server),
]
