"""Scripted streams about nodes: the create family, delete, setData, reads, Stat, names, paths."""

import zkwire as w
from scripting import expect, script
from twin import Req

OK, MARSHALLING, UNIMPLEMENTED, BAD_ARGUMENTS = 0, -5, -6, -8
NO_NODE, NO_AUTH, BAD_VERSION, NO_EPHEMERAL_CHILDREN = -101, -102, -103, -108
NODE_EXISTS, NOT_EMPTY, INVALID_ACL = -110, -111, -114

CREATES = (w.CREATE, w.CREATE2, w.CREATE_CONTAINER)


@script
def built_in_nodes(p, root):
    t = p.open()
    for path in ('/', '', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'):
        for call in (t.exists, t.get, t.get_acl, t.ls, t.ls2):
            expect(call(path), OK)
        expect(t.count(path), OK)
    for path in ('/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'):
        expect(t.delete(path), BAD_ARGUMENTS)
        expect(t.delete(path, 7), BAD_ARGUMENTS)
    expect(t.set('/zookeeper/config', b'x'), NO_AUTH)
    expect(t.create('/zookeeper/config/x'), NO_AUTH)
    expect(t.set_acl('/zookeeper/config', w.OPEN), NO_AUTH)
    for path in ('/', '/zookeeper', '/zookeeper/quota'):
        expect(t.set(path, b'data of ' + path.encode()), OK)
        expect(t.get(path), OK)
        expect(t.set_acl(path, w.OPEN, 0), OK)
        expect(t.get_acl(path), OK)
        expect(t.create(path.rstrip('/') + '/' + root.strip('/') + 'own', flags=0), OK)
        expect(t.ls2(path), OK)
    t.end()


@script
def create_flags(p, root):
    """Every opcode of the family with every flag; TTL is off."""
    t = p.open()
    t.create(root)
    for op in CREATES:
        for flags in (-2 ** 31, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 2 ** 31 - 1):
            path = '%s/%d.%d' % (root, op, flags)
            reply = t.create(path, b'x', flags=flags, op=op)
            if flags in (5, 6):
                expect(reply, UNIMPLEMENTED)
            else:
                expect(reply, OK if 0 <= flags <= 4 else BAD_ARGUMENTS)
            t.exists(path)
    for flags in (5, 6):
        for ttl in (-1, 0, 1, 1000, 2 ** 40 - 1, 2 ** 40, -2 ** 63, 2 ** 63 - 1):
            expect(t.create_ttl(root + '/ttl', b'x', flags=flags, ttl=ttl), UNIMPLEMENTED)
    for flags in (0, 1, 2, 3, 4):
        for ttl in (0, 1, 2 ** 40):
            expect(t.create_ttl(root + '/ttl', b'x', flags=flags, ttl=ttl), BAD_ARGUMENTS)
    for flags in (-1, 7):
        expect(t.create_ttl(root + '/ttl', b'x', flags=flags, ttl=5), BAD_ARGUMENTS)
    t.ls2(root)
    t.tree(root)
    t.end()
    t = p.open()
    t.tree(root)
    t.end()


@script(config='extended')
def ttl_nodes(p, root):
    """TTL is on; nothing here lives long enough to be reaped."""
    t = p.open()
    t.create(root)
    for flags in (5, 6):
        for ttl in (1000000, 2 ** 40 - 1):
            path = '%s/t%d-%d' % (root, flags, ttl)
            expect(t.create_ttl(path, b'x', flags=flags, ttl=ttl), OK)
            t.exists(path)
        for ttl in (0, -1, 2 ** 40, -2 ** 63, 2 ** 63 - 1):
            expect(t.create_ttl(root + '/bad', b'x', flags=flags, ttl=ttl), BAD_ARGUMENTS)
        for op in CREATES:
            expect(t.create(root + '/bad', flags=flags, op=op), BAD_ARGUMENTS)
    for flags in (0, 1, 2, 3, 4):
        for ttl in (0, 1, 2 ** 40):
            expect(t.create_ttl(root + '/bad', b'x', flags=flags, ttl=ttl), BAD_ARGUMENTS)
    expect(t.create_ttl(root + '/t', b'x', ttl=2 ** 39), OK)
    expect(t.create_ttl(root + '/t', b'x', ttl=2 ** 39), NODE_EXISTS)
    expect(t.create(root + '/t/child'), OK)
    expect(t.create(root + '/t/eph', flags=1), OK)
    expect(t.set(root + '/t', b'longer data'), OK)
    expect(t.delete(root + '/t'), NOT_EMPTY)
    expect(t.container(root + '/c'), OK)
    expect(t.container(root + '/c/d'), OK)
    expect(t.create(root + '/c/e'), OK)
    expect(t.create_ttl(root + '/c/f'), OK)
    t.ephemerals(root)
    t.tree(root)
    t.end()
    t = p.open()
    t.tree(root)
    t.end()


@script
def create_order_of_checks(p, root):
    """Each request here breaks two rules or more; the answer tells which is tested first."""
    t, other = p.open(), p.open()
    closed = [(w.READ, 'world', 'anyone')]
    t.create(root)
    t.create(root + '/closed', acl=closed)
    t.create(root + '/eph', flags=1)
    bad = [(31, 'nope', 'x')]
    for op in CREATES:
        def create(path, acl=w.OPEN, flags=0, op=op):
            return t.create(path, b'x', acl, flags, op=op)
        expect(create(None, flags=9), BAD_ARGUMENTS)
        expect(create(None), MARSHALLING)
        expect(create('', bad), BAD_ARGUMENTS)
        expect(create('nopath', bad), BAD_ARGUMENTS)
        expect(create('no/slash/first', bad), INVALID_ACL)
        expect(create(root + '/a\0b', bad), BAD_ARGUMENTS)
        expect(create(root + '/missing/a', bad), INVALID_ACL)
        expect(create(root + '/missing/a', []), INVALID_ACL)
        expect(create(root + '/missing/a', None), INVALID_ACL)
        expect(create(root + '/missing/a//b'), NO_NODE)
        expect(create(root + '/missing/'), NO_NODE)
        expect(create(root + '/closed/a\x01'), NO_AUTH)
        expect(create(root + '/closed/a'), NO_AUTH)
        expect(create(root + '/'), BAD_ARGUMENTS)
        expect(create(root + '//x'), NO_NODE)
        expect(create(root + '/.'), BAD_ARGUMENTS)
        expect(create(root + '/../x'), NO_NODE)
        expect(create(root + '/eph', bad), INVALID_ACL)
        expect(create(root + '/eph'), NODE_EXISTS)
        expect(create(root + '/eph/x'), NO_EPHEMERAL_CHILDREN)
        expect(create(root + '/eph/'), BAD_ARGUMENTS)
        expect(create(root + '/eph/x', flags=2), NO_EPHEMERAL_CHILDREN)
        expect(create('/'), None)
        expect(create(root + '/', flags=2), OK)
        expect(create('x' + root + '/y'), None)
    other.create(root + '/eph/y', flags=1)
    other.delete(root + '/eph')
    t.ls2(root)
    t.tree(root)
    t.end()
    other.end()


@script
def failed_writes_take_a_zxid(p, root):
    t = p.open()
    for req in (Req(w.CREATE, w.create(root + '/no/parent')),
                Req(w.DELETE, w.path_version(root + '/nothing')),
                Req(w.SET_DATA, w.set_data(root + '/nothing', b'')),
                Req(w.SET_ACL, w.set_acl(root + '/nothing', w.OPEN)),
                Req(w.SET_ACL, w.set_acl(root + '/nothing', [])),
                Req(w.CREATE, w.create('bad')),
                Req(w.CREATE, w.create(root, flags=77)),
                Req(w.CREATE_TTL, w.create_ttl(root)),
                Req(w.MULTI, w.multi([])),
                Req(w.MULTI, w.multi([(w.CHECK, w.path_version('/nothing'))]))):
        before = t.get('/').zxid
        t.send(req)
        after = t.get('/').zxid
        if after != before + 1:
            raise AssertionError('%s: the zxid went from %d to %d'
                                 % (w.describe_request(req.payload), before, after))
    for req in (Req(w.EXISTS, w.path_watch(root + '/nothing')),
                Req(w.GET_DATA, w.path_watch(root + '/nothing')),
                Req(w.SYNC, w.path_only('/')),
                Req(w.PING), Req(w.WHO_AM_I), Req(w.GET_EPHEMERALS, w.path_only('/'))):
        before = t.get('/').zxid
        t.send(req)
        if t.get('/').zxid != before:
            raise AssertionError('%s took a zxid' % w.describe_request(req.payload))
    t.end()


@script
def delete_order_of_checks(p, root):
    t = p.open()
    t.create(root)
    t.create(root + '/full')
    t.create(root + '/full/kid')
    t.create(root + '/closed', acl=[(w.READ | w.CREATE_PERM, 'world', 'anyone')])
    t.create(root + '/closed/kid')
    t.create(root + '/eph', flags=1)
    for path, version, err in (
            (None, -1, None), ('', -1, BAD_ARGUMENTS), ('nopath', -1, BAD_ARGUMENTS),
            ('a/b', -1, NO_NODE), (root + '/a\0b', -1, BAD_ARGUMENTS),
            (root + '/missing/a', -1, NO_NODE), (root + '/missing', -1, NO_NODE),
            (root + '/missing', 3, NO_NODE), (root + '/full/kid/', -1, NO_NODE),
            (root + '//full', -1, NO_NODE), (root + '/closed/none', -1, NO_AUTH),
            (root + '/closed/kid', 9, NO_AUTH), (root + '/full', 9, BAD_VERSION),
            (root + '/full', -2, BAD_VERSION), (root + '/full', -2 ** 31, BAD_VERSION),
            (root + '/full', 0, NOT_EMPTY), (root + '/full', -1, NOT_EMPTY),
            (root + '/full/kid', 1, BAD_VERSION), (root + '/full/kid', 0, OK),
            (root + '/full/kid', 0, NO_NODE), (root + '/full', 0, OK), (root + '/eph', 0, OK)):
        expect(t.delete(path, version), err)
        t.exists(root)
    t.tree(root)
    t.end()


@script
def set_data_checks(p, root):
    t = p.open()
    t.create(root, b'0')
    t.create(root + '/ro', acl=w.READ_ONLY)
    for path, data, version, err in (
            (None, b'', -1, None), ('', b'', -1, BAD_ARGUMENTS), ('x', b'', -1, BAD_ARGUMENTS),
            (root + '/', b'', -1, BAD_ARGUMENTS), (root + '//a', b'', -1, BAD_ARGUMENTS),
            (root + '/\x7f', b'', -1, BAD_ARGUMENTS), (root + '/none', b'', -1, NO_NODE),
            (root + '/none', b'', 5, NO_NODE), (root + '/ro', b'', 5, NO_AUTH),
            (root, b'a', 1, BAD_VERSION), (root, b'a', -2, BAD_VERSION), (root, b'a', 0, OK),
            (root, b'b', 0, BAD_VERSION), (root, b'b', 1, OK), (root, None, -1, OK),
            (root, b'', 3, OK), (root, b'x' * 10000, -1, OK), (root, bytes(range(256)), -1, OK)):
        expect(t.set(path, data, version), err)
        expect(t.get(root), OK)
    t.end()


@script
def null_and_empty_data(p, root):
    t = p.open()
    t.create(root)
    for name, data in (('null', None), ('empty', b''), ('zero', b'\0'), ('big', b'z' * 70000)):
        for op in CREATES:
            path = '%s/%s%d' % (root, name, op)
            expect(t.create(path, data, op=op), OK)
            expect(t.get(path), OK)
            expect(t.exists(path), OK)
            expect(t.set(path, None), OK)
            expect(t.get(path), OK)
            expect(t.set(path, b''), OK)
            expect(t.get(path), OK)
    t.end()


@script
def reads(p, root):
    t = p.open()
    t.create(root, b'r')
    t.create(root + '/a')
    t.create(root + '/a/b')
    for path in (root, root + '/', root + '/a/', root + '//a', root + '/none', 'foo', '', '/', None,
                 root + '/a\0', '\0', '//', '/.', '/..', root + '/a/b/../b', b'/\xff\xfe',
                 root + '/\U0001f600', '/' + 'y' * 5000):
        for op in (w.EXISTS, w.GET_DATA, w.GET_CHILDREN, w.GET_CHILDREN2):
            for watch in (0, 1, 2, 255):
                t.op(op, w.path_watch(path, watch))
        t.sync(path)
        t.get_acl(path)
        t.count(path)
        t.ephemerals(path)
    t.create(root + '/none')
    t.set('/', b'root')
    t.delete(root + '/none')
    t.end()


@script
def stat_arithmetic(p, root):
    """Every field of the Stat of a node and of its parent after every kind of change."""
    t, u = p.open(), p.open()
    x = root + '/x'

    def look():
        for path in ('/', root, x):
            t.exists(path)
            t.ls2(path)

    for step in (lambda: t.create(root, b'12'), lambda: t.create(x, b'123'), look,
                 lambda: t.set(x, b'1234'), lambda: u.set(x, b'', 1), look,
                 lambda: t.set_acl(x, w.OPEN, 0), lambda: t.set_acl(x, w.OPEN, -1), look,
                 lambda: t.create(x + '/k1'), lambda: t.create(x + '/k2', flags=1),
                 lambda: u.create2(x + '/k3', flags=3), look, lambda: t.create(x + '/k1'),
                 lambda: t.delete(x + '/k1', 0), look, lambda: t.create(x + '/k1'),
                 lambda: t.create(x + '/k1/z'), lambda: t.set(x + '/k1', b'abc'), look,
                 lambda: t.delete(x + '/k1/z'), lambda: t.delete(x + '/k1'), look,
                 lambda: t.container(x + '/c'), lambda: t.delete(x + '/c'), look,
                 lambda: u.end(), look, lambda: t.delete(x + '/k2'), look,
                 lambda: t.multi((w.CREATE, w.create(x + '/m1')),
                                 (w.CREATE, w.create(x + '/m1/m2')),
                                 (w.SET_DATA, w.set_data(x + '/m1', b'mm')),
                                 (w.DELETE, w.path_version(x + '/m1/m2')),
                                 (w.SET_DATA, w.set_data(x, b'by multi'))), look,
                 lambda: t.tree(root)):
        step()
    t.end()


@script
def sequences(p, root):
    t = p.open()
    t.create(root)
    for flags in (2, 3, 2, 0, 2, 1, 3):
        for op in CREATES:
            path = root + '/s-' if flags in (2, 3) else '%s/plain%d.%d' % (root, flags, op)
            t.create(path, flags=flags, op=op)
    expect(t.create(root + '/', flags=2), OK)
    expect(t.create(root + '/', flags=3), OK)
    expect(t.create(root + '/\u00e9-', flags=2), OK)
    expect(t.create(root + '/none/s-', flags=2), NO_NODE)
    expect(t.create(root + '/s-\x01', flags=2), BAD_ARGUMENTS)
    expect(t.create(root + '/s-', acl=[], flags=2), INVALID_ACL)
    expect(t.create(root + '/s-', flags=2), OK)
    for name in sorted(t.ls(root).value)[:6]:
        expect(t.delete(root.encode() + b'/' + name), OK)
    expect(t.create2(root + '/s-', flags=2), OK)
    t.send(*[Req(w.CREATE, w.create(root + '/burst-', flags=2 + i % 2)) for i in range(30)])
    t.multi(*[(w.CREATE, w.create(root + '/multi-', flags=2)) for i in range(5)])
    t.multi((w.CREATE, w.create(root + '/multi-', flags=2)), (w.CHECK, w.path_version('/none')))
    expect(t.create(root + '/after-', flags=2), OK)
    t.create('/%s-' % root.strip('/'), flags=2)
    t.create2('/', flags=2)
    t.ls2(root)
    t.end()


@script
def forbidden_characters(p, root):
    t = p.open()
    t.create(root)
    points = ([1, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xe9, 0x7ff, 0x800, 0x2028, 0xd7ff,
               0xe000, 0xf8ff, 0xf900, 0xfeff, 0xffef, 0xfff0, 0xfffd, 0xfffe, 0xffff, 0x10000,
               0x1f600, 0x10ffff])
    for point in points:
        path = '%s/p%sq' % (root, chr(point))
        t.create(path, b'')
        t.exists(path)
        t.set(path, b'x')
        t.set_acl(path, w.OPEN)
        t.delete(path)
    broken = [b'\xff', b'\xc3', b'\xc0\x80', b'\xed\xa0\x80', b'\xed\xa0\xbd\xed\xb8\x80',
              b'\xf8\x88\x80\x80\x80', b'\x80', b'\xe2\x82', b'\xf0\x9f\x98', b'\xe0\x80\xaf',
              b'\xf4\x90\x80\x80', b'a\xc3\x28', b'\xc3\xa9']
    for raw in broken:
        path = root.encode() + b'/b' + raw
        t.create(path)
        t.exists(path)
        t.set(path, b'x')
        t.get(path)
        t.sync(path)
        t.ephemerals(path)
        t.delete(path)
    for name in ('...', '.x', 'x.', '..x', 'x..', ' ', '  ', 'a b', 'a\\b', '*', '%2f', '-', "'",
                 '\u00fc\u00df', '\u65e5\u672c', '\u0e01', 'A' * 2000):
        expect(t.create(root + '/' + name), OK)
        expect(t.exists(root + '/' + name), OK)
    for tail in ('.', '..', './x', '../x', 'x/.', 'x/..', 'x/./y', '/', '//', 'x//y', ''):
        t.create('%s/%s' % (root, tail))
        t.set('%s/%s' % (root, tail), b'')
        t.exists('%s/%s' % (root, tail))
    t.ls2(root)
    t.end()


@script
def get_ephemerals(p, root):
    t, u = p.open(), p.open()
    t.create(root)
    for name in ('e', 'ee', 'e1', 'f'):
        t.create(root + '/' + name, flags=1)
    u.create(root + '/u', flags=1)
    u.create(root + '/uu-', flags=3)
    t.container(root + '/c')
    for prefix in (None, '', ' ', '/', root, root + '/', root + '/e', root + '/ee', root + '/u',
                   root + '/none', '//', 'e', b'\xff', '\t', '/ '):
        t.ephemerals(prefix)
        u.ephemerals(prefix)
    t.end()
    u.ephemerals('/')
    u.end()


@script
def ephemerals_of_containers(p, root):
    """Opcode 19 with the ephemeral flag; opcodes 1 and 15 with the container flag."""
    t, u = p.open(), p.open()
    t.create(root)
    t.container(root + '/c1', flags=1)
    t.container(root + '/c3', flags=3)
    t.create(root + '/p4', flags=4)
    t.create2(root + '/q4', flags=4)
    t.ephemerals('/')
    for name in ('c1', 'p4', 'q4'):
        u.create('%s/%s/kid' % (root, name))
        u.create('%s/%s/ekid' % (root, name), flags=1)
    t.end()
    u.tree(root)
    u.end()
    v = p.open()
    v.tree(root)
    v.end()


@script
def all_children_number(p, root):
    t = p.open()
    t.create(root)
    for path in ('/a', '/a/b', '/a/b/c', '/ab', '/a/d'):
        t.create(root + path)
        for where in ('/', root, root + '/a', root + '/a/b/c', root + '/none', None):
            t.count(where)
    t.delete(root + '/a/d')
    t.count('/')
    t.count(root)
    t.end()


@script
def big_frames(p, root):
    """Up to the limit of a frame, and one byte more."""
    t = p.open()
    t.create(root)
    overhead = len(w.frame(1, w.SET_DATA, w.set_data(root, b'')))
    expect(t.set(root, b'd' * (1048575 - overhead)), OK)
    expect(t.get(root), OK)
    expect(t.multi_read((w.GET_DATA, w.path_watch(root)), (w.GET_DATA, w.path_watch(root))), OK)
    t.set(root, b'')
    u = p.open()
    u.raw(w.i32(1048576) + w.frame(1, w.SET_DATA, w.set_data(root, b'd' * 100)))
    u = p.open()
    u.raw(w.i32(2 ** 31 - 1))
    u = p.open()
    u.raw(w.i32(-1))
    t.get(root)
    t.end()


@script
def deep_and_wide(p, root):
    t = p.open()
    path = root
    t.create(root)
    for i in range(60):
        path += '/level%d' % i
        t.create(path, b'%d' % i)
    t.get(path)
    t.count(root)
    t.create(root + '/wide')
    t.send(*[Req(w.CREATE, w.create('%s/wide/n%d' % (root, i))) for i in range(200)])
    t.ls(root + '/wide')
    t.ls2(root + '/wide')
    t.count(root)
    t.send(*[Req(w.DELETE, w.path_version('%s/wide/n%d' % (root, i))) for i in range(0, 200, 2)])
    t.ls2(root + '/wide')
    t.end()
