"""Scripted streams about multi and multiRead, well formed and not."""

import zkwire as w
from scripting import expect, script
from twin import Req


@script
def multi_success(p, root):
    t, u = p.open(), p.open()
    t.create(root, b'root')
    t.create(root + '/v', b'v')
    expect(t.multi(), 0)
    reply = expect(t.multi(
        (w.CREATE, w.create(root + '/a', b'1')),
        (w.CREATE, w.create(root + '/a/b', b'22', flags=1)),
        (w.CREATE, w.create(root + '/a/s-', b'22', flags=2)),
        (w.CREATE, w.create(root + '/a/s-', b'22', flags=3)),
        (w.CHECK, w.path_version(root + '/v', 0)),
        (w.SET_DATA, w.set_data(root + '/v', b'new', 0)),
        (w.CHECK, w.path_version(root + '/v', 1)),
        (w.SET_DATA, w.set_data(root + '/a', None, -1)),
        (w.DELETE, w.path_version(root + '/a/b', -1)),
        (w.CREATE_CONTAINER, w.create(root + '/c', b'c', flags=4)),
        (w.CREATE, w.create(root + '/c4', b'c', flags=4))), 0)
    if [r[1] for r in reply.value] != [0] * 11:
        raise AssertionError('the multi failed: %s' % w.describe_reply(w.MULTI, reply.payload))
    t.tree(root)
    u.tree(root)
    for op in (w.DELETE, w.CHECK):
        expect(t.multi((op, w.path_version(root + '/c', -1))), 0)
    t.tree(root)
    expect(t.multi(*[(w.SET_DATA, w.set_data(root, b'%d' % i)) for i in range(40)]), 0)
    t.get(root)
    t.end()
    u.tree(root)
    u.end()


@script
def multi_create2(p, root):
    """create2 in a multi: with 3.8.0 the result has no Stat."""
    t = p.open()
    t.create(root)
    expect(t.multi((w.CREATE2, w.create(root + '/a', b'1'))), 0)
    expect(t.multi((w.CREATE, w.create(root + '/b', b'1')),
                   (w.CREATE2, w.create(root + '/b/e', b'four', flags=1)),
                   (w.CREATE2, w.create(root + '/b/s', None, flags=2)),
                   (w.SET_DATA, w.set_data(root + '/b', b'five!')),
                   (w.CREATE2, w.create(root + '/b/c', b'c', flags=4)),
                   (w.DELETE, w.path_version(root + '/b/e'))), 0)
    expect(t.multi((w.CREATE2, w.create(root + '/x', b'1')),
                   (w.CREATE2, w.create(root + '/x', b'1'))), 0)
    t.tree(root)
    t.end()


@script
def multi_failure(p, root):
    """Each failing position; nothing may remain, sequence counters included."""
    t = p.open()
    t.create(root)
    t.create(root + '/v', b'v')
    t.create(root + '/eph', flags=1)
    t.create(root + '/ro', acl=w.READ_ONLY)
    t.create(root + '/noread', acl=[(w.WRITE, 'world', 'anyone')])
    t.create(root + '/full')
    t.create(root + '/full/k')
    good = [(w.CREATE, w.create(root + '/new')), (w.SET_DATA, w.set_data(root + '/v', b'x')),
            (w.CREATE, w.create(root + '/seq-', flags=2)), (w.DELETE, w.path_version(root + '/v'))]
    bad = [(w.CHECK, w.path_version(root + '/v', 9)), (w.CHECK, w.path_version(root + '/none', -1)),
           (w.CHECK, w.path_version('bad', -1)), (w.CHECK, w.path_version(root + '/noread', 0)),
           (w.CHECK, w.path_version(root + '/', 0)),
           (w.CREATE, w.create(root + '/v')), (w.CREATE, w.create(root + '/none/x')),
           (w.CREATE, w.create(root + '/ro/x')), (w.CREATE, w.create(root + '/eph/x')),
           (w.CREATE, w.create('bad')), (w.CREATE, w.create(root + '/bad\x01')),
           (w.CREATE, w.create(root + '/b', acl=[])),
           (w.CREATE, w.create(root + '/b', acl=[(31, 'nope', 'x')])),
           (w.SET_DATA, w.set_data(root + '/none', b'')),
           (w.SET_DATA, w.set_data(root + '/v', b'', 5)),
           (w.SET_DATA, w.set_data(root + '/ro', b'')), (w.SET_DATA, w.set_data('', b'')),
           (w.DELETE, w.path_version(root + '/none')), (w.DELETE, w.path_version(root + '/full')),
           (w.DELETE, w.path_version('/')), (w.DELETE, w.path_version('/zookeeper/quota')),
           (w.DELETE, w.path_version(root + '/v', 7)), (w.DELETE, w.path_version('nopath'))]
    for at, op in enumerate(bad):
        place = at % (len(good) + 1)
        ops = [op] if at % 7 == 0 else good[:place] + [op] + good[place:]
        expect(t.multi(*ops), 0)
        t.ls2(root)
        t.get(root + '/v')
    expect(t.multi(*bad), 0)
    expect(t.create(root + '/seq-', flags=2), 0)
    t.tree(root)
    t.end()


@script
def multi_sees_itself(p, root):
    t = p.open()
    t.create(root)
    n = root + '/n'
    for ops in (
            [(w.CREATE, w.create(n)), (w.CREATE, w.create(n))],
            [(w.CREATE, w.create(n)), (w.DELETE, w.path_version(n)), (w.CREATE, w.create(n)),
             (w.CREATE, w.create(n + '/k')), (w.DELETE, w.path_version(n))],
            [(w.CREATE, w.create(n, flags=1)), (w.CREATE, w.create(n + '/k'))],
            [(w.CREATE, w.create(n, acl=w.READ_ONLY)), (w.SET_DATA, w.set_data(n, b''))],
            [(w.CREATE, w.create(n, acl=w.READ_ONLY)), (w.CREATE, w.create(n + '/k'))],
            [(w.CREATE, w.create(n)), (w.SET_DATA, w.set_data(n, b'1', 0)),
             (w.SET_DATA, w.set_data(n, b'2', 1)), (w.CHECK, w.path_version(n, 2)),
             (w.DELETE, w.path_version(n, 2))],
            [(w.CREATE, w.create(n)), (w.DELETE, w.path_version(n)),
             (w.SET_DATA, w.set_data(n, b''))],
            [(w.CREATE, w.create(n)), (w.CREATE, w.create(n + '/s', flags=2)),
             (w.DELETE, w.path_version(n + '/s0000000000')),
             (w.CREATE, w.create(n + '/s', flags=2))]):
        expect(t.multi(*ops), 0)
        t.tree(root)
    t.end()


@script
def multi_pipelined(p, root):
    """Multis, single writes and reads in one burst; each is judged behind the ones before."""
    t = p.open()
    t.create(root)
    reqs = []
    for i in range(20):
        n = '%s/p%d' % (root, i % 4)
        reqs += [Req(w.MULTI, w.multi([(w.CREATE, w.create(n)),
                                       (w.CREATE, w.create(n + '/s-', flags=2)),
                                       (w.CHECK, w.path_version(root, -1 if i % 3 else 5))])),
                 Req(w.CREATE, w.create(n + '/s-', flags=2)),
                 Req(w.GET_CHILDREN2, w.path_watch(n)),
                 Req(w.SET_DATA, w.set_data(root, b'x' * i)),
                 Req(w.DELETE, w.path_version(n)),
                 Req(w.MULTI, w.multi([(w.DELETE, w.path_version(n + '/s-0000000000')),
                                       (w.DELETE, w.path_version(n))])),
                 Req(w.EXISTS, w.path_watch(n))]
    t.send(*reqs)
    t.tree(root)
    t.end()


@script
def multi_malformed(p, root):
    t = p.open()
    t.create(root)
    ok = (w.CREATE, w.create(root + '/never'))
    raw_ok = w.multi_header(ok[0]) + ok[1]
    bodies = [b'', raw_ok, w.MULTI_END[:8], raw_ok + w.MULTI_END[:5], raw_ok[:-1], raw_ok[:12],
              w.multi([(w.GET_DATA, w.path_watch('/'))]), w.multi([ok, (w.GET_DATA,
                                                                       w.path_watch('/'))]),
              w.multi([(w.EXISTS, w.path_watch('/')), ok]),
              w.multi([ok, (w.SET_ACL, w.set_acl('/', w.OPEN))]),
              w.multi([ok, (w.GET_CHILDREN, w.path_watch('/'))]),
              w.multi([ok, (w.GET_CHILDREN2, w.path_watch('/'))]),
              w.multi([ok, (w.MULTI, w.multi([ok]))]), w.multi([ok, (w.SYNC, w.path_only('/'))]),
              w.multi([ok, (w.PING, b'')]), w.multi([ok, (w.CLOSE_SESSION, b'')]),
              w.multi([ok, (w.DELETE_CONTAINER, w.path_version('/x'))]),
              w.multi([ok, (w.ERROR, w.i32(-101))]), w.multi([ok, (0, b'')]),
              w.multi([ok, (9999, b'')]), w.multi([ok, (w.RECONFIG, w.reconfig())]),
              w.multi([(w.CREATE, w.create(root + '/f', flags=5))]),
              w.multi([ok, (w.CREATE2, w.create(root + '/f', flags=6))]),
              w.multi([ok, (w.CREATE_CONTAINER, w.create(root + '/f', flags=5))]),
              w.multi([ok, (w.SET_DATA, w.set_data(root, b'')[:-2])], end=b''),
              w.multi([ok, (w.DELETE, w.i32(-2) + w.i32(0))]),
              w.multi([ok, (w.DELETE, w.i32(2 ** 31 - 1) + w.i32(0))])]
    for body in bodies:
        t.send(Req(w.MULTI, body))
        t.ls2(root)
    for end in (w.i32(-1) + w.flag(1) + w.i32(0), w.i32(7) + w.flag(1) + w.i32(-1),
                w.i32(-1) + w.flag(255) + w.i32(-1), w.MULTI_END + b'trailing',
                w.MULTI_END + raw_ok):
        t.send(Req(w.MULTI, w.multi([(w.CREATE, w.create(root + '/e-', flags=2))], end)))
        t.ls2(root)
    odd = w.i32(w.CREATE) + w.flag(0) + w.i32(-7) + w.create(root + '/odd')
    t.send(Req(w.MULTI, odd + w.MULTI_END))
    t.tree(root)
    t.end()


@script
def multi_bad_fields(p, root):
    """Bad flags and null ACLs: judged by op, as in 3.8.0; 3.9 refuses the whole request."""
    t = p.open()
    t.create(root)
    ok = (w.CREATE, w.create(root + '/ok'))
    for bad in ((w.CREATE, w.create(root + '/f', flags=7)),
                (w.CREATE, w.create(root + '/f', flags=-1)),
                (w.CREATE2, w.create(root + '/f', flags=99)),
                (w.CREATE_CONTAINER, w.create(root + '/f', flags=8)),
                (w.CREATE, w.create(root + '/f', acl=None)),
                (w.CREATE2, w.create(root + '/f', acl=None)),
                (w.CREATE, w.create(root + '/f', acl=None, flags=7))):
        for ops in ([bad], [ok, bad], [bad, ok], [ok, bad, ok]):
            t.send(Req(w.MULTI, w.multi(ops)))
            t.ls2(root)
    t.end()


@script(config='extended')
def multi_ttl(p, root):
    t = p.open()
    t.create(root)
    expect(t.multi((w.CREATE_TTL, w.create_ttl(root + '/t', b'ttl')),
                   (w.CREATE_TTL, w.create_ttl(root + '/t-', b'ttl', flags=6)),
                   (w.CREATE_CONTAINER, w.create(root + '/c', flags=4))), 0)
    t.tree(root)
    for flags in (0, 1, 2, 3, 4):
        expect(t.multi((w.CREATE_TTL, w.create_ttl('%s/f%d' % (root, flags), flags=flags,
                                                   ttl=77))), 0)
    for ttl in (0, -1, 2 ** 40, 2 ** 63 - 1):
        t.multi((w.CREATE_TTL, w.create_ttl(root + '/bad', ttl=ttl)))
    t.tree(root)
    for op in (w.CREATE, w.CREATE2, w.CREATE_CONTAINER):
        for flags in (5, 6):
            t.multi((op, w.create(root + '/bad', flags=flags)))
    t.tree(root)
    t.end()


@script
def multi_ttl_while_off(p, root):
    t = p.open()
    t.create(root)
    ok = (w.CREATE, w.create(root + '/ok'))
    for flags in (5, 6):
        t.multi(ok, (w.CREATE_TTL, w.create_ttl(root + '/t', flags=flags)))
        t.multi((w.CREATE_TTL, w.create_ttl(root + '/t', flags=flags)), ok)
    for flags in (0, 1, 2, 3):
        t.multi((w.CREATE_TTL, w.create_ttl('%s/f%d' % (root, flags), flags=flags, ttl=77)))
    t.tree(root)
    t.end()


@script
def multi_read(p, root):
    t = p.open()
    t.create(root, b'data')
    t.create(root + '/a', None)
    t.create(root + '/b', b'', acl=[(w.WRITE, 'world', 'anyone')])
    get = lambda path, watch=0: (w.GET_DATA, w.path_watch(path, watch))
    ls = lambda path, watch=0: (w.GET_CHILDREN, w.path_watch(path, watch))
    for ops in ([], [get(root)], [ls(root)], [get(root), ls(root), get(root + '/a')],
                [get(root + '/none'), get(root)], [ls(root), ls(root + '/none'), get(root)],
                [get(root + '/b'), ls(root + '/b'), get(root)], [get('bad'), get(''), ls('/')],
                [get(root, 1), ls(root, 1)], [get(root)] * 50, [get('/'), get('/zookeeper/config')],
                [get(root + '/'), get(root + '//a')]):
        expect(t.multi_read(*ops), 0)
    t.set(root, b'does a watch of a multiRead fire?')
    t.create(root + '/c')
    for ops in ([(w.CREATE, w.create(root + '/never'))], [get(root), (w.DELETE,
                                                                    w.path_version(root + '/a'))],
                [(w.EXISTS, w.path_watch(root))], [(w.GET_CHILDREN2, w.path_watch(root))],
                [(w.GET_ACL, w.path_only(root))], [(w.CHECK, w.path_version(root))], [(0, b'')],
                [get(root), (12345, b'')], [get(None)], [get(root), get(None), get(root)]):
        t.send(Req(w.MULTI_READ, w.multi(ops)))
    for body in (b'', w.MULTI_END[:6], w.multi([get(root)], end=b''), w.multi([get(root)])[:-4],
                 w.multi_header(w.GET_DATA) + w.ustr(root)):
        t.send(Req(w.MULTI_READ, body))
    t.ls2(root)
    t.end()


@script
def multi_events(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    u.get(root, True)
    u.ls(root, True)
    u.exists(root + '/m1', True)
    u.exists(root + '/m2', True)
    t.ls(root, True)
    t.multi((w.CREATE, w.create(root + '/m1')), (w.SET_DATA, w.set_data(root + '/m1', b'x')),
            (w.SET_DATA, w.set_data(root, b'x')), (w.CREATE, w.create(root + '/m2')),
            (w.DELETE, w.path_version(root + '/m1')))
    u.get(root, True)
    u.ls(root + '/m2', True)
    t.multi((w.SET_DATA, w.set_data(root, b'y')), (w.DELETE, w.path_version(root + '/m2')),
            (w.CHECK, w.path_version(root, 0)))
    u.check_alive()
    t.multi((w.SET_DATA, w.set_data(root, b'y')), (w.DELETE, w.path_version(root + '/m2')))
    t.end()
    u.end()
