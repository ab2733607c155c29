"""Scripted streams about ACLs, authentication and quotas."""

import zkwire as w
from scripting import SUPER, digest_id, expect, script
from twin import Req

U = 'u:p'
V = 'v:p:q'
NO_AUTH, INVALID_ACL = -102, -114


@script
def auth_schemes(p, root):
    for scheme, data in (('digest', b'u:p'), ('digest', b'nopass'), ('digest', b''),
                         ('digest', b'a:b:c'), ('digest', b':'), ('digest', b'\xff\xfe:x'),
                         ('digest', '\u00fc:\u00e9'.encode()), ('ip', b''), ('ip', b'10.0.0.1'),
                         ('ip', None)):
        t = p.open()
        expect(t.auth(scheme, data, xid=w.AUTH_XID), 0)
        t.who()
        expect(t.auth(scheme, data, xid=7), 0)
        t.who()
        t.create('%s-%d' % (root, t.sessions[0] & 0xff), acl=w.CREATOR_ALL, flags=2)
        t.end()
    for scheme, data in (('nope', b'x'), ('world', b'anyone'), ('auth', b''), ('super', b'x'),
                         ('sasl', b'x'), ('x509', b'x'), (None, b'x'), ('', b''),
                         ('DIGEST', b'u:p'), ('digest', None)):
        t = p.open()
        t.auth(scheme, data, xid=w.AUTH_XID)
        if not t.is_closed:
            raise AssertionError('auth %r %r does not close' % (scheme, data))
    for body in (b'', w.i32(0), w.i32(0) + w.ustr('digest'), w.i32(0) + w.i32(99),
                 w.i32(0) + w.ustr('digest') + w.i32(50) + b'x'):
        t = p.open()
        t.raw(w.i32(8 + len(body)) + w.frame(w.AUTH_XID, w.AUTH, body), label='short auth')
    t = p.open()
    t.op(w.AUTH, w.auth('digest', b'u:p', kind=99) + b'trailing')
    t.who()
    t.end()


@script
def who_am_i(p, root):
    t = p.open()
    t.who()
    t.op(w.WHO_AM_I, b'trailing')
    for data in (b'u:p', b'u:other', b'v:p:q', b'plain', b'', SUPER.encode()):
        t.auth('digest', data)
        t.who()
    t.auth('ip', b'')
    t.who()
    t.end()


@script
def acl_fix_up(p, root):
    """Which lists are refused, which are changed, what is stored."""
    t, u = p.open(), p.open()
    u.auth('digest', U.encode())
    u.auth('digest', V.encode())
    t.create(root)
    t.create(root + '/set')
    lists = [None, [], w.OPEN, w.OPEN + w.OPEN, [(31, 'world', 'anyone'), (1, 'world', 'anyone')],
             [(31, 'world', 'Anyone')], [(31, 'world', '')], [(31, 'world', None)],
             [(31, None, 'anyone')], [(31, None, None)], [(31, '', '')], [(0, 'world', 'anyone')],
             [(255, 'world', 'anyone')], [(-1, 'world', 'anyone')],
             [(2 ** 31 - 1, 'ip', '127.0.0.1')],
             [(31, 'auth', '')], [(31, 'auth', 'u')], [(31, 'auth', None)],
             [(1, 'auth', ''), (2, 'auth', '')], [(31, 'auth', ''), (31, 'world', 'anyone')],
             [(31, 'auth', ''), (31, 'digest', digest_id(U))], [(31, 'super', '')],
             [(31, 'super', 'x')], [(31, 'sasl', 'bob')], [(31, 'x509', 'CN=a')],
             [(31, 'nope', 'x')], [(31, 'Digest', 'u:x')], [(31, 'digest', 'u:x')],
             [(31, 'digest', 'a')], [(31, 'digest', '')], [(31, 'digest', None)],
             [(31, 'digest', ':')], [(31, 'digest', ':b')], [(31, 'digest', 'a:')],
             [(31, 'digest', 'a:b:c')], [(31, 'digest', 'a::')], [(31, 'digest', 'a:b:')],
             [(31, 'digest', 'a:b'), (31, 'nope', 'x')], [(31, 'ip', '127.0.0.1')],
             [(31, 'ip', '127.0.0.1/32')], [(31, 'ip', '127.0.0.1/33')], [(31, 'ip', '10.0.0.0/0')],
             [(31, 'ip', '10.0.0.0/8')], [(31, 'ip', '1.2.3')], [(31, 'ip', '1.2.3.4.5')],
             [(31, 'ip', '256.0.0.1')], [(31, 'ip', '1.2.3.-4')], [(31, 'ip', '')],
             [(31, 'ip', None)], [(31, 'ip', '1.2.3.4/')], [(31, 'ip', '1.2.3.4/x')],
             [(31, 'ip', '1.2.3.4/-1')], [(31, 'ip', '1.2.3.4/8/9')], [(31, 'ip', 'localhost')],
             [(31, 'ip', '01.02.03.04')], [(31, 'ip', '+1.2.3.4')], [(31, 'ip', '1..2.3')],
             [(31, 'ip', '1.2.3.4.')], [(31, 'ip', ' 1.2.3.4')],
             [(1, 'digest', digest_id(U)), (2, 'digest', digest_id(U)),
              (1, 'digest', digest_id(U))]]
    for at, acl in enumerate(lists):
        for twin, letter in ((t, 't'), (u, 'u')):
            path = '%s/%s%d' % (root, letter, at)
            twin.create(path, acl=acl)
            twin.create2(path + 'x', acl=acl)
            twin.set_acl(root + '/set', acl)
            u.get_acl(path)
            t.get_acl(path)
            u.get_acl(root + '/set')
            t.send(Req(w.EXISTS, w.path_watch(root + '/set')),
                   Req(w.GET_DATA, w.path_watch(root + '/set')))
            u.set_acl(root + '/set', w.OPEN)
    expect(t.set_acl(root + '/none', []), INVALID_ACL)
    expect(t.set_acl(root + '/none', w.OPEN), -101)
    expect(t.set_acl(root + '/', []), -8)
    t.set_acl(None, w.OPEN)
    expect(t.set_acl(root, w.OPEN, 5), -103)
    expect(t.set_acl(root, w.OPEN, 0), 0)
    expect(t.set_acl(root, w.OPEN, 0), -103)
    expect(t.set_acl(root, w.OPEN, -2), -103)
    t.exists(root)
    t.end()
    u.end()


@script
def ids_of_odd_characters(p, root):
    """Ids that are not ASCII: stored, masked, matched, shown."""
    t, u = p.open(), p.open()
    t.create(root)
    names = ['\u00fc\u00e9', '\u65e5\u672c', '\ufeff', '\x01', '\n', '\x7f', '\ue000', '\uffff',
             'a b', '\0', '\\', "'", '"', ',', '/', '@', 'x' * 3000]
    for at, name in enumerate(names):
        n = '%s/n%d' % (root, at)
        acl = [(31, 'digest', name + ':' + name), (w.READ, 'world', 'anyone')]
        t.create(n, acl=acl)
        t.get_acl(n)
        u.auth('digest', (name + ':' + name).encode())
        u.create(n + 'own', acl=[(31, 'digest', digest_id(name + ':' + name))])
        u.get_acl(n + 'own')
        u.set(n + 'own', b'x')
    u.who()
    t.end()
    u.end()


@script
def ids_that_are_not_utf8(p, root):
    """Bytes that no Java string holds, and characters that it writes in a way of its own."""
    t, u = p.open(), p.open()
    t.create(root)
    for at, name in enumerate((b'\xff', b'a\x91b', b'\xed\xa0\x80', '\U0001f600'.encode())):
        n = '%s/n%d' % (root, at)
        t.create(n, acl=[(31, 'digest', name + b':h'), (w.READ, 'world', 'anyone')])
        t.get_acl(n)
        t.create(n + 'all', acl=[(31, 'digest', b'u:' + name), (31, 'world', 'anyone')])
        t.get_acl(n + 'all')
        if name[0] < 0xf0:
            u.auth('digest', name + b':p')
            u.who()
    u.create(root + '/mine', acl=w.CREATOR_ALL)
    u.get_acl(root + '/mine')
    t.end()
    u.end()


@script
def bad_ipv6_acls(p, root):
    """No IPv6 address by any reading; good ones are refused by 3.8.0 and tested elsewhere."""
    t = p.open()
    t.create(root)
    for host in ('::1/129', ':::', '1:2:3', '1:2:3:4:5:6:7:8:9', 'g::1', '::1/-1', '::1/x',
                 '::1::2', '12345::'):
        t.set_acl(root, [(31, 'ip', host)])
    t.end()


@script
def permissions(p, root):
    """For each single permission: what a stranger may do with the node and its children."""
    owner, t = p.open(), p.open()
    owner.auth('digest', U.encode())
    owner.create(root)
    for perms in range(32):
        n = '%s/p%d' % (root, perms)
        expect(owner.create(n, b'd'), 0)
        expect(owner.create(n + '/kid', b'd'), 0)
        expect(owner.set_acl(n, [(31, 'digest', digest_id(U)), (perms, 'world', 'anyone')]), 0)
        t.get(n)
        t.ls(n)
        t.ls2(n)
        t.count(n)
        t.get_acl(n)
        t.set(n, b'e')
        t.set(n, b'e', 77)
        t.create(n + '/k2')
        t.create(n + '/kid')
        t.create(n + '/s-', flags=2)
        t.delete(n + '/kid', 8)
        t.delete(n + '/none')
        t.delete(n + '/kid')
        t.multi_read((w.GET_DATA, w.path_watch(n)), (w.GET_CHILDREN, w.path_watch(n)))
        t.multi((w.CHECK, w.path_version(n)))
        t.multi((w.SET_DATA, w.set_data(n, b'm')))
        t.sync(n)
        t.set_acl(n, [(perms, 'world', 'anyone'), (31, 'digest', digest_id(U))])
        owner.get_acl(n)
        owner.exists(n)
    owner.tree(root)
    owner.end()
    t.end()


@script
def exists_needs_read(p, root):
    """exists without READ: 3.8.0 answers, 3.8.4 and 3.9.2 refuse."""
    owner, t = p.open(), p.open()
    owner.auth('digest', U.encode())
    owner.create(root)
    for at, acl in enumerate(([(31, 'digest', digest_id(U))], [(30, 'world', 'anyone')],
                              [(0, 'world', 'anyone')], [(31, 'ip', '10.1.2.3')])):
        n = '%s/n%d' % (root, at)
        owner.create(n, acl=acl)
        t.send(Req(w.EXISTS, w.path_watch(n)), Req(w.GET_DATA, w.path_watch(n)))
        owner.send(Req(w.EXISTS, w.path_watch(n)), Req(w.GET_DATA, w.path_watch(n)))
    owner.end()
    t.end()


@script
def identities_match(p, root):
    t = p.open()
    t.create(root)
    matches = [('digest', digest_id(U)), ('digest', digest_id(V)), ('digest', 'u:wrong'),
               ('digest', digest_id(U).upper()), ('ip', '127.0.0.1'), ('ip', '127.0.0.0/8'),
               ('ip', '127.0.0.2'), ('ip', '127.0.0.2/31'), ('ip', '127.0.0.3/30'),
               ('ip', '10.0.0.0/0'), ('ip', '128.0.0.0/1'), ('ip', '0.0.0.0/1')]
    for at, (scheme, ident) in enumerate(matches):
        t.create('%s/n%d' % (root, at), acl=[(31, scheme, ident)])
    for ids in ([], [U], [V], [U, V], ['u:other'], ['nopass']):
        u = p.open()
        for ident in ids:
            u.auth('digest', ident.encode())
        for at in range(len(matches)):
            n = '%s/n%d' % (root, at)
            u.get(n)
            u.get_acl(n)
            u.set(n, b'%d' % at)
            u.create(n + '/kid', flags=1)
        u.end()
    t.end()


@script
def get_acl_masks(p, root):
    owner, t = p.open(), p.open()
    owner.auth('digest', U.encode())
    owner.create(root)
    lists = [[(31, 'digest', digest_id(U)), (w.READ, 'world', 'anyone')],
             [(w.READ, 'digest', digest_id(U)), (w.ADMIN, 'ip', '127.0.0.1')],
             [(31, 'digest', digest_id(U)), (w.READ, 'ip', '127.0.0.0/8'), (2, 'digest', 'a:b')],
             [(31, 'digest', ':b'), (31, 'digest', digest_id(U)), (w.READ, 'world', 'anyone')],
             [(31, 'digest', digest_id(U)), (w.WRITE, 'world', 'anyone')]]
    for at, acl in enumerate(lists):
        n = '%s/n%d' % (root, at)
        expect(owner.create(n, acl=acl), 0)
        owner.get_acl(n)
        t.get_acl(n)
    owner.end()
    t.end()


@script
def super_user(p, root):
    owner, t = p.open(), p.open()
    owner.auth('digest', U.encode())
    owner.create(root, acl=w.CREATOR_ALL)
    owner.create(root + '/a', acl=w.CREATOR_ALL)
    expect(t.get(root), NO_AUTH)
    expect(t.auth('digest', b'super:wrong'), 0)
    expect(t.get(root), NO_AUTH)
    expect(t.auth('digest', SUPER.encode()), 0)
    t.who()
    expect(t.get(root), 0)
    expect(t.get_acl(root), 0)
    expect(t.set(root, b's'), 0)
    expect(t.create(root + '/s', acl=w.CREATOR_ALL), 0)
    t.get_acl(root + '/s')
    expect(t.create(root + '/t', acl=[(31, 'super', '')]), INVALID_ACL)
    expect(t.delete(root + '/a'), 0)
    expect(t.set_acl(root, w.OPEN), 0)
    expect(t.set('/zookeeper/config', b'by super'), 0)
    expect(t.get('/zookeeper/config'), 0)
    expect(t.create('/zookeeper/config/kid', flags=1), 0)
    expect(t.set('/zookeeper/config', b''), 0)
    t.exists('/zookeeper/config')
    t.end()
    owner.end()


def _limits(**keys):
    text = 'count=%d,bytes=%d' % (keys.pop('count', -1), keys.pop('bytes', -1))
    if keys:
        text += '=;' + ';'.join('%s=%d' % item for item in sorted(keys.items()))
    return text.encode()


def _quota(t, path, limits):
    """What a client does to set a quota: the nodes below /zookeeper/quota."""
    here = '/zookeeper/quota'
    for name in path.strip('/').split('/'):
        here += '/' + name
        t.create(here)
    expect(t.create(here + '/zookeeper_limits', limits), 0)
    expect(t.create(here + '/zookeeper_stats', b'count=0,bytes=0'), 0)
    return here


@script
def quota_statistics(p, root):
    """Soft limits: nothing is refused, the statistics are kept."""
    t = p.open()
    t.create(root, b'12345')
    t.create(root + '/before', b'678')
    q = _quota(t, root, _limits(count=3, bytes=10))

    def look():
        expect(t.get(q + '/zookeeper_stats'), 0)
        expect(t.get(q + '/zookeeper_limits'), 0)

    look()
    for step in (lambda: t.create(root + '/a', b'aaaa'), lambda: t.create(root + '/a/b', None),
                 lambda: t.set(root + '/a', b'longer than before'), lambda: t.set(root, None),
                 lambda: t.set(root + '/a', b''), lambda: t.create(root + '/e', b'e', flags=1),
                 lambda: t.delete(root + '/a/b'), lambda: t.delete(root + '/a'),
                 lambda: t.create(root + '/s-', b'seq', flags=2),
                 lambda: t.multi((w.CREATE, w.create(root + '/m', b'mm')),
                                 (w.SET_DATA, w.set_data(root + '/m', b'mmm')),
                                 (w.CREATE, w.create(root + '/m/n', b'nn'))),
                 lambda: t.multi((w.DELETE, w.path_version(root + '/m/n')),
                                 (w.DELETE, w.path_version(root + '/none'))),
                 lambda: t.create(root + 'sibling', b'not counted'),
                 lambda: t.container(root + '/c', b'cc'),
                 lambda: t.set_acl(root + '/c', w.OPEN)):
        step()
        look()
    u = p.open()
    u.create(root + '/dies', b'with its session', flags=1)
    look()
    u.end()
    look()
    # A nested quota takes over what is below it; the deepest one counts.
    inner = _quota(t, root + '/m', _limits(count=2))
    t.create(root + '/m/deep', b'deep')
    look()
    expect(t.get(inner + '/zookeeper_stats'), 0)
    t.delete(inner + '/zookeeper_limits')
    t.delete(inner + '/zookeeper_stats')
    t.create(root + '/m/deep2', b'deep')
    look()
    expect(t.delete(q + '/zookeeper_limits'), 0)
    t.create(root + '/uncounted', b'x')
    t.get(q + '/zookeeper_stats')
    t.ls2(q)
    t.end()


@script(config='extended')
def quota_enforced(p, root):
    t = p.open()
    t.create(root, b'1234')
    q = _quota(t, root, _limits(countHardLimit=4, byteHardLimit=20))

    def look():
        expect(t.get(q + '/zookeeper_stats'), 0)

    look()
    for call in (lambda: t.create(root + '/a', b'56'), lambda: t.create(root + '/b', b'78'),
                 lambda: t.create(root + '/c', b'9' * 13), lambda: t.create(root + '/c', b'9' * 5),
                 lambda: t.create(root + '/d'), lambda: t.set(root + '/a', b'x' * 30),
                 lambda: t.set(root + '/a', b'x' * 30, 99), lambda: t.set(root + '/a', b'x' * 8),
                 lambda: t.set(root + '/a', b'x' * 10), lambda: t.set(root + '/a', None),
                 lambda: t.create(root + '/a'), lambda: t.create(root + '/none/x'),
                 lambda: t.multi((w.CREATE, w.create(root + '/m'))),
                 lambda: t.multi((w.SET_DATA, w.set_data(root, b'')),
                                 (w.SET_DATA, w.set_data(root, b'x' * 100))),
                 lambda: t.delete(root + '/c'), lambda: t.create(root + '/c', None),
                 lambda: t.create(root + '/e', flags=1), lambda: t.create(root + '/s-', flags=2)):
        call()
        look()
    # Limits below the present use: shrinking is judged as well.
    expect(t.set(q + '/zookeeper_limits', _limits(count=1, byteHardLimit=3)), 0)
    for call in (lambda: t.set(root, b'x'), lambda: t.set(root + '/b', b'y' * 9),
                 lambda: t.set(root + '/b', b''), lambda: t.create(root + '/f'),
                 lambda: t.delete(root + '/b'), lambda: t.create(root + '/f', b'ff')):
        call()
        look()
    for junk in (b'', None, b'junk', b'count=x', b'count=5', b'bytes=1', b'count=1,bytes=2',
                 b'count=,bytes=', b'countHardLimit=1', b'count=9;;byteHardLimit=1,,'):
        t.set(q + '/zookeeper_limits', junk)
        t.get(q + '/zookeeper_limits')
    expect(t.set(q + '/zookeeper_limits', _limits(count=1, bytes=1)), 0)
    t.create(root + '/soft', b'only a log line')
    look()
    expect(t.delete(q + '/zookeeper_limits'), 0)
    t.create(root + '/free', b'x' * 50)
    t.tree(root)
    t.end()


@script(config='guarded')
def enforced_authentication(p, root):
    for op, body in ((w.GET_DATA, w.path_watch('/')), (w.PING, b''), (w.CLOSE_SESSION, b''),
                     (w.CREATE, w.create(root)), (w.MULTI, w.multi([])), (w.WHO_AM_I, b''),
                     (555, b'')):
        t = p.open()
        t.send_unfenced(Req(op, body))
        if not t.is_closed:
            raise AssertionError('%s did not close' % w.OP_NAMES.get(op, op))
        t.drop()
    t = p.open()
    t.auth_unfenced('digest', b'u:p')
    expect(t.create(root, acl=w.CREATOR_ALL), 0)
    t.who()
    t.get(root)
    t.end()
    t = p.open()
    t.auth_unfenced('ip', b'')
    t.send_unfenced(Req(w.GET_DATA, w.path_watch('/')))
    t.drop()


@script(config='guarded')
def too_many_connections(p, root):
    """maxClientCnxns=4: the fifth from one address is dropped before a byte."""
    twins = [p.open() for _ in range(4)]
    extra = p.open(is_plain=True)
    extra.expect_eof()
    extra.drop()
    for t in twins:
        t.auth_unfenced('digest', b'u:p')
        t.end()


@script(config='guarded')
def small_frame_limit(p, root):
    """jute.maxbuffer=2000 as a property."""
    t = p.open()
    t.auth_unfenced('digest', b'u:p')
    overhead = len(w.frame(1, w.CREATE, w.create(root, b'')))
    expect(t.create(root, b'x' * (2000 - overhead)), 0)
    expect(t.get(root), 0)
    u = p.open()
    u.auth_unfenced('digest', b'u:p')
    u.raw(w.i32(2001))
    u.drop()
    t.end()


@script(config='guarded')
def another_digest_algorithm(p, root):
    """digestAlg=SHA-256: the ids that auth makes, and what they open."""
    t, u = p.open(), p.open()
    t.auth_unfenced('digest', U.encode())
    u.auth_unfenced('digest', b'u:other')
    expect(t.create(root, acl=w.CREATOR_ALL), 0)
    t.get_acl(root)
    u.get_acl(root)
    expect(u.get(root), NO_AUTH)
    u.auth('digest', U.encode())
    expect(u.get(root), 0)
    expect(u.create(root + '/k', acl=[(31, 'digest', digest_id(U))]), 0)
    expect(u.get(root + '/k'), NO_AUTH)
    t.end()
    u.end()


@script(config='no-digest')
def digest_switched_off(p, root):
    """The scheme is gone; enforced authentication by ip is met from the start."""
    t = p.open()
    t.create(root)
    expect(t.create(root + '/d', acl=[(31, 'digest', digest_id(U))]), INVALID_ACL)
    expect(t.create(root + '/a', acl=w.CREATOR_ALL), INVALID_ACL)
    expect(t.set_acl(root, [(31, 'ip', '127.0.0.1')]), 0)
    t.who()
    t.end()
    t = p.open()
    t.send_unfenced(Req(w.AUTH, w.auth('digest', b'u:p'), xid=w.AUTH_XID))
    t.drop()
