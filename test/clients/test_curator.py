#!/usr/bin/python3
"""The unmodified Java client, Curator's framework and every recipe of it, in one Java run.

Needs Debian's libcurator-recipes-java, libzookeeper-java, libslf4j-java and a JDK.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

import clientkit as kit
from clientkit import zk

SOURCES = sorted(glob.glob(os.path.join(kit.HERE, 'curator', '*.java')))
JARS = ('curator-recipes', 'curator-framework', 'curator-client', 'zookeeper', 'zookeeper-jute',
        'zookeeper-recipes-lock', 'zookeeper-recipes-queue', 'zookeeper-recipes-election',
        'slf4j-nop')


def compile_tests(directory, class_path):
    command = ['javac', '-Xlint:all,-path,-classfile,-processing', '-Werror', '-cp', class_path,
               '-d', directory] + SOURCES
    done = subprocess.run(command, capture_output=True, text=True)
    zk.check(done.returncode == 0, 'the Java sources do not compile:\n'
             + (done.stdout + done.stderr)[-4000:])


def main():
    args = kit.parse_args(__doc__)
    suite = zk.Suite('curator')
    jars = [os.path.join(zk.jar_dir(), jar + '.jar') for jar in JARS]
    missing = [jar for jar in jars if not os.path.exists(jar)]
    if missing or shutil.which('javac') is None:
        suite.skip('curator', 'no ' + ', '.join(missing or ['javac']))
        return suite.finish()
    directory = tempfile.mkdtemp(prefix='rookery-test-curator-')
    try:
        server = kit.make_server(args.server).start()
        forwarder = kit.Forwarder(server)
        if suite.run('the Java sources compile', compile_tests, directory, ':'.join(jars)):
            command = ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m',
                       '-cp', ':'.join([directory] + jars), 'Main', server.hosts,
                       forwarder.hosts] + ([args.only] if args.only else [])
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
