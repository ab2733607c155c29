"""Scripted streams about watches: who is told what, in which order, how often."""

import zkwire as w
from scripting import digest_id, expect, script
from twin import Req


def changes(t, root):
    """Every kind of change at and below root, each in a step of its own."""
    n, k = root + '/n', root + '/n/k'
    t.create(n, b'1')
    t.set(n, b'2')
    t.create(k)
    t.set(k, b'3')
    t.set_acl(n, w.OPEN)
    t.create(k + '/deep')
    t.delete(k + '/deep')
    t.delete(k)
    t.set(n, b'4')
    t.create(n + '/s-', flags=2)
    t.create(n, b'fails')
    t.set(n, b'fails', 99)
    t.delete(n, 99)
    t.multi((w.CREATE, w.create(k)), (w.SET_DATA, w.set_data(k, b'm')),
            (w.SET_DATA, w.set_data(n, b'm')), (w.DELETE, w.path_version(k)))
    t.multi((w.CREATE, w.create(k)), (w.CHECK, w.path_version(n, 99)))
    for name in t.ls(n).value:
        t.delete(n.encode() + b'/' + name)
    t.delete(n)
    t.create(n)
    t.delete(n)


@script
def one_shot_watches(p, root):
    t = p.open()
    t.create(root)
    n = root + '/n'
    watchers = [(name, p.open(name)) for name in ('exists', 'get', 'ls', 'ls2', 'both', 'again')]

    def arm():
        for name, u in watchers:
            for path in ('/', root, n, n + '/k', n + '/k/deep'):
                if name in ('exists', 'both', 'again'):
                    u.exists(path, True)
                if name in ('get', 'both', 'again'):
                    u.get(path, True)
                if name in ('ls', 'both', 'again'):
                    u.ls(path, True)
                if name == 'ls2':
                    u.ls2(path, True)

    arm()
    changes(t, root)
    for step in (lambda: t.create(n), lambda: t.set(n, b'x'), lambda: t.create(n + '/k'),
                 lambda: t.set(n + '/k', b''), lambda: t.delete(n + '/k'), lambda: t.delete(n)):
        arm()
        step()
        step()
    for _, u in watchers:
        u.end()
    t.end()


@script
def own_watches_come_before_the_reply(p, root):
    t = p.open()
    t.create(root)
    n = root + '/n'
    for write in (Req(w.CREATE, w.create(n)), Req(w.CREATE2, w.create(n)),
                  Req(w.CREATE_CONTAINER, w.create(n))):
        t.exists(n, True)
        t.ls(root, True)
        t.send(write)
        t.get(n, True)
        t.ls(n, True)
        t.send(Req(w.SET_DATA, w.set_data(n, b'x')), Req(w.GET_DATA, w.path_watch(n, True)),
               Req(w.SET_DATA, w.set_data(n, b'y')), Req(w.CREATE, w.create(n + '/k')),
               Req(w.GET_CHILDREN, w.path_watch(n, True)), Req(w.GET_DATA, w.path_watch(n, True)),
               Req(w.DELETE, w.path_version(n + '/k')),
               Req(w.GET_CHILDREN, w.path_watch(n, True)),
               Req(w.DELETE, w.path_version(n)))
        t.exists(n)
    t.get(root, True)
    t.ls(root, True)
    t.send(Req(w.SET_DATA, w.set_data(root, b'')), Req(w.CLOSE_SESSION))


@script
def deleted_once_over_two_tables(p, root):
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    n = root + '/n'
    t.create(n)
    u.get(n, True)
    u.ls(n, True)
    u.ls(root, True)
    v.ls(n, True)
    t.delete(n)
    t.create(n)
    t.delete(n)
    for twin in (t, u, v):
        twin.end()


@script
def watches_on_missing_nodes(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    n = root + '/n'
    u.get(n, True)
    u.ls(n, True)
    u.ls2(n, True)
    t.create(n)
    t.delete(n)
    u.exists(n, True)
    u.exists(n, True)
    t.create(n)
    t.delete(n)
    u.exists(n, True)
    t.multi((w.CREATE, w.create(n)), (w.DELETE, w.path_version(n)))
    u.exists('bad', True)
    u.exists(n + '/', True)
    u.exists('', True)
    t.set('/', b'z')
    t.end()
    u.end()


@script
def persistent_watches(p, root):
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    for path in (root, root + '/n', '/', root + '/missing/deep', '', 'x', root + '/'):
        u.send(Req(w.ADD_WATCH, w.path_type(path, 0)))
    for mode in (2, 3, -1, 2 ** 31 - 1):
        expect(u.add_watch(root, mode), -5)
    v.add_watch(root + '/n', 0)
    v.add_watch(root + '/n', 0)
    changes(t, root)
    changes(u, root)
    changes(v, root)
    expect(u.check_watches(root, 3), 0)
    expect(u.remove_watches(root, 3), 0)
    expect(u.remove_watches(root, 3), -121)
    changes(t, root)
    for twin in (u, v, t):
        twin.end()


@script
def recursive_watches(p, root):
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    u.add_watch(root, 1)
    u.add_watch(root + '/n', 1)
    v.add_watch('/', 1)
    changes(t, root)
    changes(u, root)
    expect(u.remove_watches(root, 3), 0)
    changes(t, root)
    expect(v.remove_watches('/', 3), 0)
    changes(v, root)
    u.add_watch(root + '/missing', 1)
    t.create(root + '/missing')
    t.create(root + '/missing/x')
    t.create(root + '/missingx')
    t.delete(root + '/missing/x')
    t.delete(root + '/missing')
    for twin in (u, v, t):
        twin.end()


@script
def watch_checks_and_removals(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    n = root + '/n'
    t.create(n)
    for kind in (0, 6, -1, 7, 100):
        for path in (n, root + '/none'):
            u.check_watches(path, kind)
            u.remove_watches(path, kind)
    for kind in (1, 2, 3):
        for path in (n, root + '/none', '', '/'):
            u.check_watches(path, kind)
            u.remove_watches(path, kind)
    for arm in ('data', 'child', 'both', 'exists'):
        for check in (1, 2, 3):
            for remove in (1, 2, 3):
                if arm in ('data', 'both'):
                    u.get(n, True)
                if arm in ('child', 'both'):
                    u.ls(n, True)
                if arm == 'exists':
                    u.exists(root + '/none', True)
                for path in (n, root + '/none'):
                    u.check_watches(path, check)
                    u.remove_watches(path, remove)
                    u.check_watches(path, check)
                t.set(n, b'x')
                t.create(n + '/k')
                t.delete(n + '/k')
                t.create(root + '/none')
                t.delete(root + '/none')
    u.get(n, True)
    t.check_watches(n, 2)       # 3.8.0 answers 0 here: another connection has one
    expect(t.remove_watches(n, 3), -121)
    expect(t.remove_watches(n, 2), -121)
    u.end()
    t.end()


@script
def set_watches(p, root):
    """The catch-up after a reconnect, for both requests and every state of a node."""
    t = p.open()
    t.create(root)
    for name in ('same', 'changed', 'gone', 'kids', 'acl'):
        t.create('%s/%s' % (root, name))
    then = t.get(root).zxid
    t.set(root + '/changed', b'x')
    t.delete(root + '/gone')
    t.create(root + '/kids/k')
    t.create(root + '/born')
    t.set_acl(root + '/acl', w.OPEN)
    paths = [root + '/' + name for name in ('same', 'changed', 'gone', 'kids', 'acl', 'born',
                                            'never')] + ['', 'junk', root + '/same/']
    for zxid in (then, then + 1, 0, -1, 2 ** 62, -2 ** 63):
        for lists in ((paths, [], []), ([], paths, []), ([], [], paths), (paths, paths, paths)):
            u = p.open()
            expect(u.op(w.SET_WATCHES, w.set_watches(zxid, *lists), xid=w.SET_WATCHES_XID), 0)
            expect(u.op(w.SET_WATCHES2, w.set_watches(zxid, *lists, [], [])), 0)
            for at, path in enumerate(paths[:7]):
                u.check_watches(path, 1 + at % 3)
            t.set(root + '/same', b'%d' % zxid)
            t.create(root + '/same/kid')
            t.delete(root + '/same/kid')
            t.create(root + '/never')
            t.delete(root + '/never')
            u.end()
    t.end()


@script
def set_watches_persistent(p, root):
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    t.create(root + '/a')
    expect(u.op(w.SET_WATCHES2, w.set_watches(0, [], [], [], [root + '/a', root + '/b'], [])), 0)
    expect(v.op(w.SET_WATCHES2, w.set_watches(0, [], [], [], [], [root, root + '/b'])), 0)
    for _ in (1, 2):
        t.set(root + '/a', b'x')
        t.create(root + '/b')
        t.create(root + '/b/c')
        t.delete(root + '/b/c')
        t.delete(root + '/b')
    for twin in (u, v, t):
        twin.end()


@script
def set_watches_malformed(p, root):
    t = p.open()
    t.create(root)
    for op in (w.SET_WATCHES, w.SET_WATCHES2):
        full = w.set_watches(0, [root], [root + '/x'], [root], [], [])
        for length in range(0, len(full), 3):
            t.send(Req(op, full[:length]))
        for lists in ((None, [root], [root], [], []), ([root], None, [root], [], []),
                      ([root], [root], None, [], [])):
            t.send(Req(op, w.set_watches(2 ** 40, *lists)))
            t.set(root, b'')
            t.create(root + '/k')
            t.delete(root + '/k')
        t.send(Req(op, w.set_watches(0, [None], [], [], [], [])))
        t.send(Req(op, w.set_watches(0, [], [None], [], [], [])))
        t.send(Req(op, w.set_watches(0, [], [], [None], [], [])))
        t.send(Req(op, w.i64(0) + w.i32(2 ** 31 - 1)))
        t.send(Req(op, w.i64(0) + w.i32(-2) + w.vec([]) + w.vec([]) + w.vec([]) + w.vec([])))
    t.end()


@script
def watches_end_with_the_connection(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    u.get(root, True)
    u.ls(root, True)
    u.add_watch(root, 0)
    again = p.open(session_of=u)
    u.expect_eof()
    t.set(root, b'x')
    t.create(root + '/k')
    again.is_watching = True
    again.check_alive()
    expect(again.check_watches(root, 3), -121)
    again.op(w.SET_WATCHES, w.set_watches(0, [root], [], [root]), xid=w.SET_WATCHES_XID)
    again.end()
    t.end()


@script
def ephemerals_and_watches(p, root):
    """A session goes: its nodes' events come, in no fixed order."""
    t, u, v = p.open(), p.open(), p.open()
    t.create(root)
    for i in range(6):
        v.create('%s/e%d' % (root, i), flags=1)
    v.create(root + '/sub')
    v.create(root + '/sub/e', flags=1)
    for i in (0, 2, 4):
        t.get('%s/e%d' % (root, i), True)
    t.ls(root, True)
    t.ls(root + '/sub', True)
    u.add_watch(root, 0)
    v.end()
    t.tree(root)
    u.end()
    t.end()


@script
def events_need_read(p, root):
    """An event that the watcher may not read is dropped, and its one-shot watch is spent."""
    owner, t, u = p.open(), p.open(), p.open()
    owner.auth('digest', b'u:p')
    mine = [(31, 'digest', digest_id('u:p'))]
    owner.create(root)
    n = root + '/n'
    owner.create(n)
    for twin in (t, u):
        twin.get(n, True)
        twin.ls(n, True)
    u.auth('digest', b'u:p')
    owner.set_acl(n, mine)
    owner.set(n, b'secret')
    owner.create(n + '/k')
    owner.set_acl(n, w.OPEN)
    owner.set(n, b'open again')
    owner.create(n + '/l')
    for twin in (t, u):
        twin.check_watches(n, 3)
        twin.exists(n + '/secret', True)
        twin.get(n, True)
        twin.add_watch(root + '/x', 0)
    owner.create(n + '/secret', acl=mine)
    owner.create(root + '/x', acl=mine)
    owner.set(root + '/x', b'1')
    owner.create(root + '/x/y')
    owner.delete(root + '/x/y')
    owner.delete(root + '/x')
    owner.create(root + '/x')
    owner.multi((w.CREATE, w.create(root + '/x/z', acl=mine)),
                (w.SET_DATA, w.set_data(root + '/x', b'')))
    owner.set_acl(n, mine)
    owner.delete(n + '/k')
    owner.delete(n + '/l')
    owner.delete(n + '/secret')
    owner.delete(n)
    for twin in (t, u):
        twin.check_watches(n, 3)
        twin.op(w.SET_WATCHES, w.set_watches(0, [n, root + '/x'], [root + '/x/z'], [n]))
    for twin in (owner, t, u):
        twin.end()


@script
def many_watchers(p, root):
    t = p.open()
    t.create(root)
    watchers = [p.open() for _ in range(12)]
    for at, u in enumerate(watchers):
        u.get(root, True)
        if at % 2:
            u.ls(root, True)
        if at % 3 == 0:
            u.exists(root + '/k', True)
    t.create(root + '/k')
    t.set(root, b'x')
    t.set(root, b'y')
    for u in watchers:
        u.end()
    t.end()
