"""What the scripted streams share: the list of scripts, the configurations, expect()."""

import base64
import hashlib

import zkharness as zk
import zkwire as w


def digest_id(user_and_password):
    """The id that scheme digest makes of "user:password"."""
    data = user_and_password.encode()
    user = user_and_password.split(':')[0]
    return '%s:%s' % (user, base64.b64encode(hashlib.sha1(data).digest()).decode())


SUPER = 'super:secret'

# Nothing may happen by itself: the closeSession of an expiry and the deletion of an empty container
# take a zxid at a moment that no test can know.  So the servers allow long timeouts and the reaper
# sleeps; only 'expiry' lets sessions and containers die.
_LONG = {'maxSessionTimeout': 900000}
_NO_REAPER = {'znode.container.checkIntervalMs': '86400000'}
_SUPER_PROPS = {**_NO_REAPER,
                'zookeeper.DigestAuthenticationProvider.superDigest': digest_id(SUPER)}

CONFIGS = {
    'plain': dict(conf=dict(_LONG), props=_SUPER_PROPS),
    'extended': dict(conf=dict(_LONG, extendedTypesEnabled='true', enforceQuota='true',
                               reconfigEnabled='true'), props=_SUPER_PROPS),
    'expiry': dict(conf=dict(_LONG, tickTime=250, extendedTypesEnabled='true', skipACL='yes'),
                   props=dict(_SUPER_PROPS, **{'znode.container.checkIntervalMs': '300'})),
    'guarded': dict(conf=dict(_LONG, maxClientCnxns=4, globalOutstandingLimit=1,
                              **{'enforce.auth.enabled': 'true',
                                 'enforce.auth.schemes': 'digest', 'minSessionTimeout': 7000}),
                    props={**_NO_REAPER, 'jute.maxbuffer': '2000',
                           'zookeeper.DigestAuthenticationProvider.digestAlg': 'SHA-256'}),
    'throttled': dict(conf=dict(_LONG, maxCnxns=3, connection_throttle_tokens=3,
                                connection_throttle_fill_time=3600000, largeRequestThreshold=1000,
                                largeRequestMaxBytes=5000, request_throttle_max_requests=1),
                      props=_NO_REAPER),
    'no-digest': dict(conf=dict(_LONG, **{'enforce.auth.enabled': 'true',
                                          'enforce.auth.schemes': 'ip'}),
                      props={**_NO_REAPER,
                             'zookeeper.DigestAuthenticationProvider.enabled': 'false'}),
}

SCRIPTS = []        # (name, config, function)


def script(fn=None, config='plain'):
    """Register fn(pair, root); root is a path of its own below which the script works."""
    def add(fn):
        SCRIPTS.append((fn.__name__, config, fn))
        return fn
    return add(fn) if fn else add


def expect(reply, err):
    """The reference server must have answered this code, else the script does not test what it
    says.  err None: whatever it is."""
    if err is None:
        return reply
    if reply is None:
        raise zk.CheckFailed('the reference server closed the connection instead of err %d' % err)
    if reply.err != err:
        raise zk.CheckFailed('the script is wrong: it expects err %d, the reference server says %s'
                             % (err, w.describe_reply(reply.op, reply.payload)))
    return reply
