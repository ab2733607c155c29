#!/usr/bin/python3
"""The unmodified kazoo client: every call, every error it knows, every recipe.

    --ensemble      against three servers, which are killed and restarted all the while

Needs Debian's python3-kazoo.
"""

import logging
import os
import sys
import warnings

import clientkit as kit
import ensemble_kit
from clientkit import zk

DEBIAN_PYTHON = '/usr/bin/python3'

# What three servers that are killed cannot be asked.
NOT_IN_ENSEMBLES = {
    'life of a node': 'counts the transactions of everybody, ends of older sessions among them',
    'four-letter words': 'expects a standalone server',
    'reconfig switched off': 'expects the empty configuration of a standalone server',
}


def run_one(suite, name, run_in_env, server):
    if not getattr(server, 'is_ensemble', False):
        suite.run(name, run_in_env, servers=[server])
    elif name in NOT_IN_ENSEMBLES:
        suite.skip(name, NOT_IN_ENSEMBLES[name])
    else:
        ensemble_kit.run_again(suite, name, run_in_env, server)


def main():
    args = kit.parse_args(__doc__, ensemble_kit.more_arguments)
    suite = zk.Suite('kazoo')
    try:
        import kazoo_kit
        import kazoo_nodes
        import kazoo_recipes
        import kazoo_sessions
    except ImportError as why:
        # Debian's package is for Debian's interpreter only.
        if os.path.realpath(sys.executable) != os.path.realpath(DEBIAN_PYTHON):
            os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON] + sys.argv)
        suite.skip('kazoo', 'python3-kazoo: %s' % why)
        return suite.finish()
    logging.disable(logging.CRITICAL)       # kazoo logs each connection loss
    warnings.simplefilter('ignore')         # and warns of a chroot that is not there yet
    try:
        server = (ensemble_kit.Three(args.server, args.seed, 'kazoo') if args.ensemble
                  else kit.make_server(args.server).start())
        plain_server = zk.make(args.server, conf={'tickTime': 200}).start()
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
        return suite.finish()
    forwarder = (ensemble_kit.ThreeForwarders if args.ensemble else kit.Forwarder)(server)
    if args.ensemble:
        server.begin_kills()
    env = kazoo_kit.Env(server, forwarder, plain_server)
    for name, test in kazoo_nodes.TESTS + kazoo_recipes.TESTS + kazoo_sessions.TESTS:
        if args.only and args.only not in name:
            continue

        def run_in_env(test=test, name=name):
            env.begin(name)
            try:
                test(env)
            finally:
                env.end()

        run_one(suite, name, run_in_env, server)
    forwarder.close()
    if args.ensemble:
        return ensemble_kit.finish(suite, server)
    suite.run('server ends in order', kit.end_in_order, server)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
