#!/usr/bin/python3
"""rookery-cli: as zkCli.sh, in scripts, in a terminal; against our server, and Apache's where it can be had.

    --only TEXT     tests whose name contains TEXT
"""

import os
import sys

import clikit
import scripts
import terminal
import transcripts
from clikit import kit, zk
import test_zkcli


def name_of(test):
    return test.__name__[5:].replace('_', ' ')


def run_transcripts(suite, kind, wanted):
    """In the order of the recording, on one fresh server: numbers of transactions are compared too."""
    title = {'rookery': 'as zkCli', 'apache': 'as zkCli, on Apache\'s server'}[kind]
    names = ['%s: %s' % (title, name.replace('_', ' ')) for name in test_zkcli.SCRIPTS]
    live = title + ': words and flags side by side'
    if not any(wanted(name) for name in names + [live]):
        return
    possible, why = zk.have(kind)
    if not possible and kind == 'apache':
        suite.skip(title, why)
        return
    server = kit.make_server(kind).start()
    for name, script in zip(names, test_zkcli.SCRIPTS):
        suite.run(name, transcripts.test_recorded, server, script)
    if os.path.exists(test_zkcli.ZKCLI):
        suite.run(live, transcripts.test_live, server)
    else:
        suite.skip(live, 'no %s' % test_zkcli.ZKCLI)
    server.destroy()


def main():
    args = kit.parse_args(__doc__)
    suite = zk.Suite('cli')

    def wanted(name):
        return not args.only or args.only in name

    if not os.access(clikit.program(), os.X_OK):
        suite.fail('rookery-cli', 'no %s' % clikit.program())
        return suite.finish()
    for kind in ('rookery', 'apache'):
        run_transcripts(suite, kind, wanted)
    server = kit.make_server(args.server).start()
    for title, module in (('script', scripts), ('terminal', terminal)):
        for test in module.TESTS:
            name = '%s: %s' % (title, name_of(test))
            if wanted(name):
                suite.run(name, test, server)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
