#!/usr/bin/python3
"""The unmodified Java client, Curator's framework and every recipe of it, in one Java run.

    --ensemble      against three servers, which are killed and restarted all the while

Needs Debian's libcurator-recipes-java, libzookeeper-java, libslf4j-java and a JDK.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

import clientkit as kit
import ensemble_kit
from clientkit import zk

SOURCES = sorted(glob.glob(os.path.join(kit.HERE, 'curator', '*.java')))
JARS = ('curator-recipes', 'curator-framework', 'curator-client', 'zookeeper', 'zookeeper-jute',
        'zookeeper-recipes-lock', 'zookeeper-recipes-queue', 'zookeeper-recipes-election',
        'slf4j-nop')

# What three servers that are killed cannot be asked.
NOT_IN_ENSEMBLES = {
    'JavaClient.configAndReconfigSwitchedOff': 'expects the configuration of a standalone server',
    'Framework.configAndReconfigSwitchedOff': 'expects the configuration of a standalone server',
}


def compile_tests(directory, class_path):
    command = ['javac', '-Xlint:all,-path,-classfile,-processing', '-Werror', '-cp', class_path,
               '-d', directory] + SOURCES
    done = subprocess.run(command, capture_output=True, text=True)
    zk.check(done.returncode == 0, 'the Java sources do not compile:\n'
             + (done.stdout + done.stderr)[-4000:])


def run_in_ensemble(suite, command, only, servers, forwarder):
    """The same Java run; a test that fails asks whether it may try again."""
    began = {}

    def attempt(text):
        forwarder.heal()        # the attempt before may have ended behind a cut
        servers.next_turn()
        name, number = text.split(' ')
        began[name] = (int(number), time.monotonic())
        return '%s %s' % (servers.hosts, forwarder.hosts)

    def failed(text):
        name, _, why = text.partition(': ')
        number, since = began[name]
        return 'again' if servers.may_try_again(name, since, number, why) else 'fail'

    for name, why in NOT_IN_ENSEMBLES.items():
        if not only or only in name:
            suite.skip(name, why)
    command[1:1] = ['-Drookery.ensemble=' + ','.join(NOT_IN_ENSEMBLES),
                    '-Drookery.patience=%d' % kit.PATIENCE_S]
    servers.begin_kills()
    kit.run_reporting_child(suite, command, servers, forwarder, timeout_s=300,
                            asked={'attempt': attempt, 'failed': failed})
    forwarder.close()
    return ensemble_kit.finish(suite, servers)


def main():
    args = kit.parse_args(__doc__, ensemble_kit.more_arguments)
    suite = zk.Suite('curator')
    jars = [os.path.join(zk.jar_dir(), jar + '.jar') for jar in JARS]
    missing = [jar for jar in jars if not os.path.exists(jar)]
    if missing or shutil.which('javac') is None:
        suite.skip('curator', 'no ' + ', '.join(missing or ['javac']))
        return suite.finish()
    directory = tempfile.mkdtemp(prefix='rookery-test-curator-')
    try:
        server = (ensemble_kit.Three(args.server, args.seed, 'curator') if args.ensemble
                  else kit.make_server(args.server).start())
        forwarder = (ensemble_kit.ThreeForwarders if args.ensemble else kit.Forwarder)(server)
        if suite.run('the Java sources compile', compile_tests, directory, ':'.join(jars)):
            command = ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m',
                       '-cp', ':'.join([directory] + jars), 'Main', server.hosts,
                       forwarder.hosts] + ([args.only] if args.only else [])
            if args.ensemble:
                return run_in_ensemble(suite, command, args.only, server, forwarder)
            kit.run_reporting_child(suite, command, server, forwarder, timeout_s=180)
        forwarder.close()
        suite.run('server ends in order', kit.end_in_order, server)
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
    finally:
        shutil.rmtree(directory)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
