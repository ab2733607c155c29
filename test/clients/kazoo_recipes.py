"""kazoo against a server: every recipe it has."""

import datetime
import threading

from kazoo import exceptions as ke
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.partitioner import PartitionState
from kazoo.recipe.watchers import PatientChildrenWatch

import clientkit as kit
from clientkit import zk
from kazoo_nodes import eq, refused
from kazoo_kit import Told


def wait_contenders(lock, expected):
    kit.wait_until(lambda: lock.contenders() == expected, 'contenders %r' % (expected,))


def test_lock_excludes(env):
    """Five contenders, each alone inside, in the order in which they queued."""
    base = env.base
    clients = [env.client() for _ in range(5)]
    inside = Told()
    leave = [threading.Event() for _ in clients]
    busy = threading.Lock()

    def contend(i):
        with clients[i].Lock(base, 'c%d' % i):
            zk.check(busy.acquire(blocking=False), 'two are inside')
            inside(i)
            leave[i].wait(kit.PATIENCE_S)
            busy.release()

    watcher = env.client().Lock(base)
    for i in range(5):
        env.thread(contend, i)
        wait_contenders(watcher, ['c%d' % j for j in range(i + 1)])
    for i in range(5):
        eq(inside.wait_count(i + 1), list(range(i + 1)))
        leave[i].set()
    env.join_threads()
    eq(watcher.contenders(), [])


def test_lock_without_waiting(env):
    a, b = env.two()
    first, second = a.Lock(env.base, 'a'), b.Lock(env.base, 'b')
    eq(first.acquire(blocking=False), True)
    eq(second.acquire(blocking=False), False)
    refused(ke.LockTimeout, second.acquire, timeout=0.2)
    eq(first.contenders(), ['a'])
    eq(first.release(), True)
    eq(first.release(), False)
    eq(second.acquire(timeout=20), True)
    second.release()


def test_lock_cancel(env):
    a, b = env.two()
    first, second = a.Lock(env.base, 'a'), b.Lock(env.base, 'b')
    first.acquire()
    waiting = env.thread(lambda: refused(ke.CancelledError, second.acquire))
    wait_contenders(first, ['a', 'b'])
    second.cancel()
    env.join(waiting)
    eq(first.contenders(), ['a'])
    first.release()


def test_lock_goes_on_when_the_holder_dies(env):
    a, b = env.two()
    first, second = a.Lock(env.base, 'a'), b.Lock(env.base, 'b')
    first.acquire()
    waiting = env.thread(second.acquire)
    wait_contenders(second, ['a', 'b'])
    a.stop()
    eq(env.join(waiting), True)
    eq(second.contenders(), ['b'])
    second.release()


def test_lock_that_outlives_its_session(env):
    a, b = env.two()
    first, second = a.Lock(env.base, 'a'), b.Lock(env.base, 'b')
    first.acquire(ephemeral=False)
    a.stop()
    eq(second.acquire(blocking=False), False)
    eq(b.Lock(env.base).contenders(), ['a'])


def test_read_and_write_locks(env):
    base = env.base
    clients = [env.client() for _ in range(4)]
    read1 = clients[0].ReadLock(base, 'r1')
    read2 = clients[1].ReadLock(base, 'r2')
    write = clients[2].WriteLock(base, 'w')
    late = clients[3].ReadLock(base, 'r3')
    read1.acquire()
    read2.acquire(timeout=20)       # readers share
    eq(write.acquire(blocking=False), False)
    writing = env.thread(write.acquire)
    wait_contenders(read1, ['r1', 'r2', 'w'])
    eq(late.acquire(blocking=False), False)     # a waiting writer goes first
    reading = env.thread(late.acquire)
    wait_contenders(read1, ['r1', 'r2', 'w', 'r3'])
    read1.release()
    zk.check(not write.is_acquired, 'the writer is in with a reader')
    read2.release()
    eq(env.join(writing), True)
    zk.check(not late.is_acquired, 'a reader is in with the writer')
    write.release()
    eq(env.join(reading), True)
    late.release()


def test_semaphore(env):
    base = env.base
    clients = [env.client() for _ in range(3)]
    semaphores = [c.Semaphore(base, 's%d' % i, max_leases=2) for i, c in enumerate(clients)]
    eq(semaphores[0].acquire(), True)
    eq(semaphores[1].acquire(), True)
    eq(sorted(semaphores[2].lease_holders()), ['s0', 's1'])
    eq(semaphores[2].acquire(blocking=False), False)
    refused(ke.LockTimeout, semaphores[2].acquire, timeout=0.2)
    waiting = env.thread(semaphores[2].acquire)
    semaphores[0].release()
    eq(env.join(waiting), True)
    eq(sorted(semaphores[0].lease_holders()), ['s1', 's2'])
    other = clients[0].Semaphore(base, 'x', max_leases=3)
    refused(ValueError, other.acquire)
    # A holder whose session ends gives its lease back.
    clients[1].stop()
    eq(semaphores[0].acquire(timeout=20), True)


def test_leases(env):
    a, b = env.two()
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime(2026, 1, 1)
    eq(bool(a.NonBlockingLease(env.base, hour, identifier='a', utcnow=lambda: now)), True)
    eq(bool(b.NonBlockingLease(env.base, hour, identifier='b', utcnow=lambda: now)), False)
    eq(bool(a.NonBlockingLease(env.base, hour, identifier='a', utcnow=lambda: now)), True)
    later = now + hour + hour
    eq(bool(b.NonBlockingLease(env.base, hour, identifier='b', utcnow=lambda: later)), True)
    eq(bool(a.NonBlockingLease(env.base, hour, identifier='a', utcnow=lambda: later)), False)
    many = [bool(c.MultiNonBlockingLease(2, env.base + '-m', hour, identifier=str(i)))
            for i, c in enumerate((a, b, env.client()))]
    eq(many, [True, True, False])


def test_election(env):
    base = env.base
    clients = [env.client() for _ in range(3)]
    elections = [c.Election(base, 'e%d' % i) for i, c in enumerate(clients)]
    leads = Told()
    leave = [threading.Event() for _ in clients]

    def lead(i):
        leads(i)
        leave[i].wait(kit.PATIENCE_S)

    threads = []
    for i in range(3):
        threads.append(env.thread(elections[i].run, lead, i))
        kit.wait_until(lambda i=i: elections[0].contenders() == ['e%d' % j for j in range(i + 1)],
                       'contender %d' % i)
    eq(leads.wait_count(1), [0])
    elections[1].cancel()
    env.join(threads[1])
    eq(elections[0].contenders(), ['e0', 'e2'])
    leave[0].set()
    eq(leads.wait_count(2), [0, 2])
    leave[2].set()
    env.join_threads()
    eq(elections[0].contenders(), [])
    refused(ValueError, elections[0].run, 'not callable')


def test_barrier(env):
    a, b = env.two()
    barrier = a.Barrier(env.base)
    eq(barrier.wait(), True)
    barrier.create()
    eq(b.Barrier(env.base).wait(timeout=0.1), False)
    waiting = env.thread(b.Barrier(env.base).wait, kit.PATIENCE_S)
    kit.wait_until(lambda: ('0x%x' % b.client_id[0]) in
                   watchers(env.server, env.base), 'watch on the barrier')
    eq(barrier.remove(), True)
    eq(env.join(waiting), True)
    eq(barrier.remove(), False)


def watchers(server, path):
    """The sessions that watch a path, as the server says."""
    found, inside = [], False
    for line in server.four('wchp').splitlines():
        if not line.startswith('\t'):
            inside = line == path
        elif inside:
            found.append(line.strip())
    return found


def test_double_barrier(env):
    base = env.base
    clients = [env.client() for _ in range(3)]
    inside, outside = Told(), Told()

    def work(i):
        barrier = clients[i].DoubleBarrier(base, 3, 'b%d' % i)
        barrier.enter()
        zk.check(barrier.participating, 'b%d did not enter' % i)
        inside(i)
        inside.wait_count(3)
        barrier.leave()
        outside(i)

    env.thread(work, 0)
    env.thread(work, 1)
    observer = env.client()
    kit.wait_until(lambda: len(observer.get_children(base) if observer.exists(base) else []) == 2,
                   'two at the barrier')
    eq(inside.now(), [])
    env.thread(work, 2)
    env.join_threads()
    eq(sorted(outside.now()), [0, 1, 2])
    eq(observer.get_children(base), [])


def test_party(env):
    a, b = env.two()
    for kind in ('Party', 'ShallowParty'):
        path = env.base + kind
        one = getattr(a, kind)(path, 'one')
        two = getattr(b, kind)(path, 'two')
        one.join()
        eq((list(two), len(two)), (['one'], 1))
        two.join()
        eq(sorted(one), ['one', 'two'])
        one.leave()
        eq(list(two), ['two'])
        one.join()
    b.stop()
    for kind in ('Party', 'ShallowParty'):
        eq(list(getattr(a, kind)(env.base + kind)), ['one'])


def test_queue(env):
    a, b = env.two()
    queue = a.Queue(env.base)
    eq(queue.get(), None)
    for value, priority in ((b'b', 100), (b'c', 100), (b'a', 50), (b'd', 200)):
        queue.put(value, priority)
    eq(len(queue), 4)
    other = b.Queue(env.base)
    eq([other.get() for _ in range(5)], [b'a', b'b', b'c', b'd', None])
    refused(TypeError, queue.put, 'text')
    refused(ValueError, queue.put, b'x', 1000)
    # Several consumers get each entry once.
    count = 200
    for i in range(count):
        queue.put(b'%03d' % i)
    got = Told()

    def consume(client):
        mine = client.Queue(env.base)
        value = mine.get()
        while value is not None:
            got(value)
            value = mine.get()

    for _ in range(4):
        env.thread(consume, env.client())
    env.join_threads()
    eq(sorted(got.now()), [b'%03d' % i for i in range(count)])


def test_locking_queue(env):
    a, b = env.two()
    one, two = a.LockingQueue(env.base), b.LockingQueue(env.base)
    eq(one.get(0.01), None)
    one.put(b'second')
    one.put_all([b'third', b'fourth'], priority=200)
    one.put(b'first', priority=1)
    eq(len(one), 4)
    eq(one.get(20), b'first')
    eq(one.get(20), b'first')       # until it is consumed
    eq(two.get(20), b'second')
    eq((one.holds_lock(), two.holds_lock()), (True, True))
    eq(one.consume(), True)
    eq(one.consume(), False)
    eq(two.release(), True)
    eq(one.get(20), b'second')
    a.stop()                        # what it had locked is free again
    eq(two.get(20), b'second')
    eq(two.consume(), True)
    eq([two.get(20), two.consume(), two.get(20), two.consume()], [b'third', True, b'fourth', True])
    waiting = env.thread(two.get, kit.PATIENCE_S)
    env.client().LockingQueue(env.base).put(b'late')
    eq(env.join(waiting), b'late')


def test_counter(env):
    a, b = env.two()
    counter = a.Counter(env.base)
    counter += 5
    counter -= 2
    eq((counter.value, counter.pre_value, counter.post_value), (3, 5, 3))
    real = a.Counter(env.base + '-real', default=1.5)
    real += 2.25
    eq(real.value, 3.75)
    curator = a.Counter(env.base + '-curator', support_curator=True)
    curator += 7
    eq(a.get(env.base + '-curator')[0], b'\0\0\0\7')
    refused(TypeError, lambda: counter + 1.5)

    def count(client):
        mine = client.Counter(env.base)
        for _ in range(50):
            mine += 1

    for client in (a, b, env.client()):
        env.thread(count, client)
    env.join_threads()
    eq(counter.value, 153)


def test_partitioner(env):
    """Three members share nine things; one leaves, another is lost, the rest takes them over."""
    base = env.base
    things = ['p%d' % i for i in range(9)]

    def member(name):
        client = env.client()
        changed = threading.Event()
        return client, client.SetPartitioner(base, things, identifier=name, time_boundary=0.3,
                                             state_change_event=changed)

    def settle(members):
        """Do what an application does on each state, until all are allotted and nothing moves."""
        def step():
            for _, partitioner in members:
                zk.check(not partitioner.failed, 'a partitioner failed')
                if partitioner.release:
                    partitioner.release_set()
            held = [sorted(p) for _, p in members if p.acquired]
            return (len(held) == len(members)
                    and sorted(sum(held, [])) == things
                    and max(map(len, held)) - min(map(len, held)) <= 1)
        kit.wait_until(step, 'a partition among %d' % len(members))

    members = [member('m0'), member('m1')]
    settle(members)
    members.append(member('m2'))
    settle(members)
    members[0][1].finish()
    eq(members[0][1].state, PartitionState.FAILURE)
    settle(members[1:])
    members[1][0].stop()
    settle(members[2:])
    eq(sorted(members[2][1]), things)


def test_children_watch(env):
    a, b = env.two()
    a.create(env.base)
    told = Told()

    @a.ChildrenWatch(env.base)
    def watch(children):
        told(sorted(children))

    eq(told.wait_count(1), [[]])
    b.create(env.base + '/x')
    eq(told.wait_count(2)[1], ['x'])
    b.create(env.base + '/y')
    eq(told.wait_count(3)[2], ['x', 'y'])
    b.delete(env.base + '/x')
    eq(told.wait_count(4)[3], ['y'])
    # One that gets the event, and stops by answering False.
    events = Told()

    def once(children, event):
        events((sorted(children), event and event.type))
        return event is None

    a.ChildrenWatch(env.base, once, send_event=True)
    b.create(env.base + '/z')
    eq(events.wait_count(2), [(['y'], None), (['y', 'z'], 'CHILD')])
    b.create(env.base + '/w')
    told.wait_for(lambda t: t[-1] == ['w', 'y', 'z'], 'the first watch')
    env.fence(a)
    eq(len(events.now()), 2)


def test_data_watch(env):
    a, b = env.two()
    told = Told()

    @a.DataWatch(env.base)
    def watch(data, stat, event):
        told((data, stat and stat.version, event and event.type))

    eq(told.wait_count(1), [(None, None, None)])
    b.create(env.base, b'1')
    eq(told.wait_count(2)[1], (b'1', 0, 'CREATED'))
    b.set(env.base, b'2')
    eq(told.wait_count(3)[2], (b'2', 1, 'CHANGED'))
    b.delete(env.base)
    eq(told.wait_count(4)[3], (None, None, 'DELETED'))
    b.create(env.base, b'3')
    eq(told.wait_count(5)[4], (b'3', 0, 'CREATED'))


def test_patient_children_watch(env):
    a, b = env.two()
    a.create(env.base)
    result = PatientChildrenWatch(a, env.base, time_boundary=0.3).start()
    b.create(env.base + '/x')
    children, changed = result.get(20)
    eq(children, ['x'])
    refused(KazooTimeoutError, changed.get, timeout=0.05)
    b.create(env.base + '/y')
    zk.check(changed.get(20), 'no word of the second change')


def test_tree_cache(env):
    a, b = env.two()
    base = env.base
    told = Told()
    faults = Told()
    b.create(base + '/old/deep', b'd', makepath=True)
    cache = TreeCache(a, base)
    cache.listen(lambda event: told((event.event_type,
                                     event.event_data and event.event_data.path)))
    cache.listen_fault(faults)
    cache.start()

    def wait_event(kind, path):
        told.wait_for(lambda t: (kind, path) in t, 'event %r of %s' % (kind, path))

    wait_event(TreeEvent.INITIALIZED, None)
    eq(cache.get_data(base + '/old/deep').data, b'd')
    eq(cache.get_children(base), frozenset(['old']))
    b.create(base + '/new', b'n')
    wait_event(TreeEvent.NODE_ADDED, base + '/new')
    eq(cache.get_data(base + '/new').data, b'n')
    b.set(base + '/new', b'nn')
    wait_event(TreeEvent.NODE_UPDATED, base + '/new')
    eq(cache.get_data(base + '/new').data, b'nn')
    b.delete(base + '/old', recursive=True)
    wait_event(TreeEvent.NODE_REMOVED, base + '/old')
    eq(cache.get_data(base + '/old/deep'), None)
    told.clear()
    # Changes behind its back, while it had no connection.
    cut_client = env.client(env.forwarder.hosts)
    cut_told = Told()
    cut = TreeCache(cut_client, base)
    cut.listen(lambda event: cut_told((event.event_type,
                                       event.event_data and event.event_data.path)))
    cut.start()
    cut_told.wait_for(lambda t: (TreeEvent.INITIALIZED, None) in t, 'second cache')
    env.forwarder.cut()
    cut_told.wait_for(lambda t: (TreeEvent.CONNECTION_SUSPENDED, None) in t, 'suspended')
    b.set(base + '/new', b'nnn')
    b.create(base + '/unseen', b'u')
    env.forwarder.heal()
    cut_told.wait_for(lambda t: (TreeEvent.NODE_ADDED, base + '/unseen') in t
                      and (TreeEvent.NODE_UPDATED, base + '/new') in t, 'catching up')
    eq(cut.get_data(base + '/new').data, b'nnn')
    cut.close()
    cache.close()
    eq(faults.now(), [])


def test_retry_commands(env):
    """client.retry() carries a command over a lost connection."""
    client = env.client(env.forwarder.hosts)
    client.create(env.base, b'x')
    env.forwarder.cut()
    client.told_states.wait_for(lambda s: KazooState.SUSPENDED in s, 'suspended')
    getting = env.thread(client.retry, client.get, env.base)
    env.forwarder.heal()
    eq(env.join(getting)[0], b'x')


TESTS = [
    ('lock excludes', test_lock_excludes),
    ('lock without waiting', test_lock_without_waiting),
    ('lock cancel', test_lock_cancel),
    ('lock goes on when the holder dies', test_lock_goes_on_when_the_holder_dies),
    ('lock that outlives its session', test_lock_that_outlives_its_session),
    ('read and write locks', test_read_and_write_locks),
    ('semaphore', test_semaphore),
    ('leases', test_leases),
    ('election', test_election),
    ('barrier', test_barrier),
    ('double barrier', test_double_barrier),
    ('party', test_party),
    ('queue', test_queue),
    ('locking queue', test_locking_queue),
    ('counter', test_counter),
    ('partitioner', test_partitioner),
    ('children watch', test_children_watch),
    ('data watch', test_data_watch),
    ('patient children watch', test_patient_children_watch),
    ('tree cache', test_tree_cache),
    ('retry commands', test_retry_commands),
]
