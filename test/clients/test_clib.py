#!/usr/bin/python3
"""librookery: the same interface as Apache's C client, by header, by symbols and by programs.

    test/clients/test_clib.py [--build DIR] [--only TEXT]

- the headers agree with Debian's in every size, offset, value and declared function
- the libraries under Apache's names export what Debian's exports, data of the same size
- cli_mt and load_gen of Debian run on them, against Rookery and Apache, and say what they say on Apache's
- the C program of stage cclient runs on them
- clib/*.c: what librookery adds, closing, crowds, kills, slow calls; also with the sanitizers' builds, if there are any
- memory that runs out anywhere neither breaks nor leaks anything
- the examples, and the npm package zookeeper where npm can be reached
"""

import difflib
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import clientkit as kit
import test_cclient as cclient
from clientkit import zk

ROOT = os.path.dirname(os.path.dirname(kit.HERE))
DEBIAN_HEADERS = '/usr/include/zookeeper'
CLIB = sorted(glob.glob(os.path.join(kit.HERE, 'clib', '*.c')))
WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wvla', '-Werror']


def run(command, **options):
    options.setdefault('timeout', 120)
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def must(command, **options):
    done = run(command, **options)
    zk.check(done.returncode == 0, '%s: status %d\n%s%s' % (' '.join(command[:3]), done.returncode,
                                                           done.stdout, done.stderr))
    return done.stdout


# ---------------------------------------------------------------------------------- the headers

def declared(text):
    """What a header has to offer: {struct: [fields]}, enum names, macros, functions, constants."""
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    text = re.sub(r'//[^\n]*', '', text)
    text = re.sub(r'^#ifdef HAVE_(OPENSSL|CYRUS)\w*\n.*?^#endif', '', text, flags=re.S | re.M)
    structs = {}
    for name, body in re.findall(r'^struct (\w+) \{\n(.*?)^\};', text, re.S | re.M):
        structs['struct ' + name] = re.findall(r'(\w+);', body)
    for body, name in re.findall(r'^typedef struct \w* ?\{\n(.*?)^\} (\w+);', text, re.S | re.M):
        flat = re.sub(r'struct \{.*?\} (\w+);', r'\1;', body, flags=re.S)
        structs[name] = re.findall(r'^    (?:const |struct )*\w+[ *]+(\w+);', flat, re.M)
    macros = re.findall(r'^#define (ZOO_\w+) +\S', text, re.M)
    enums = re.findall(r'^ *(Z[A-Z]\w+) = ', text, re.M)
    constants = re.findall(r'^extern ZOOAPI const int (\w+);', text, re.M)
    functions = re.findall(r'\b((?:zoo|zookeeper|deallocate|allocate|serialize|deserialize|create|close)_\w+|'
                           r'zerror|is_unrecoverable|log_message|get_buffer\w*)\s*\(', text)
    return structs, macros, enums, constants, sorted(set(functions))


def abi_program(text):
    structs, macros, enums, constants, functions = declared(text)
    lines = ['#include <stddef.h>', '#include <stdio.h>', '#include <zookeeper.h>', '#include <zookeeper_log.h>',
             'int main(void) {']
    for name in sorted(structs):
        if name in ('struct ConnectRequest', 'struct ConnectResponse'):
            continue  # 3.9 has a field more at the end
        lines.append('printf("%s %%zu\\n", sizeof(%s));' % (name, name))
        for field in structs[name]:
            lines.append('printf("%s.%s %%zu %%zu\\n", offsetof(%s, %s), sizeof(((%s *)0)->%s));'
                         % (name, field, name, field, name, field))
    for name in sorted(set(enums)):
        lines.append('printf("%s %%d\\n", (int)%s);' % (name, name))
    for name in sorted(set(macros)):
        if name not in ('ZOO_VERSION', 'ZOO_CONFIG_NODE'):
            lines.append('printf("%s %%d\\n", (int)(%s));' % (name, name))
    for name in sorted(set(constants)):
        lines.append('printf("%s %%d\\n", %s);' % (name, name))
    lines.append('printf("%s %s %d\\n", ZOO_CONFIG_NODE, ZOO_OPEN_ACL_UNSAFE.data->id.id,'
                 ' ZOO_CREATOR_ALL_ACL.data->perms);')
    for name in functions:
        if name in ('zookeeper_init_ssl', 'zookeeper_init_sasl', 'zoo_sasl_make_basic_callbacks'):
            continue  # behind macros of the security libraries
        if name in ('zookeeper_interest', 'zookeeper_process', 'zoo_create2_op_init'):
            continue  # only without THREADED, or not declared at all
        lines.append('(void)sizeof(__typeof__(%s) *);' % name)
    lines += ['return 0; }', '']
    return '\n'.join(lines)


def test_headers(build, folder):
    text = ''
    for name in ('zookeeper.h', 'zookeeper.jute.h', 'recordio.h', 'proto.h', 'zookeeper_log.h'):
        with open(os.path.join(DEBIAN_HEADERS, name), encoding='utf-8') as f:
            text += f.read() + '\n'
    source = os.path.join(folder, 'abi.c')
    with open(source, 'w', encoding='utf-8') as f:
        f.write(abi_program(text))
    said = []
    for include, flags in ((DEBIAN_HEADERS, ['-lzookeeper_mt']),
                           (os.path.join(ROOT, 'include', 'zookeeper'),
                            ['-L' + build, '-lrookery', '-Wl,-rpath,' + build])):
        program = os.path.join(folder, 'abi')
        must(['cc', '-std=gnu11', '-DTHREADED', '-I' + include, source, '-o', program] + flags)
        said.append(must([program]).splitlines())
    zk.check(len(said[0]) > 300, 'only %d facts' % len(said[0]))
    zk.check_equal(said[1], said[0], 'sizes, offsets and values')


def test_headers_in_cxx(build, folder):
    source = os.path.join(folder, 'cxx.cc')
    with open(source, 'w', encoding='utf-8') as f:
        f.write('#include <rookery/rookery.h>\n#include <rookery/recipes.h>\n'
                '#include <zookeeper/zookeeper_log.h>\nint main() { return zoo_version_str() == nullptr; }\n')
    program = os.path.join(folder, 'cxx')
    for flags in ([], ['-DTHREADED'], ['-DHAVE_OPENSSL_H']):
        must(['c++', '-Wall', '-Wextra', '-Werror'] + flags
             + ['-I' + os.path.join(ROOT, 'include'), source, '-o', program, '-L' + build, '-lrookery',
                '-Wl,-rpath,' + build])
        must([program])


def exported(library):
    """{symbol: (kind, size if it is data)}"""
    found = {}
    for line in must(['objdump', '-T', library]).splitlines():
        fields = line.split()
        if len(fields) < 6 or '*UND*' in fields:
            continue
        kind = 'data' if 'DO' in fields else 'function'
        found[fields[-1]] = (kind, int(fields[-3], 16) if kind == 'data' else None)
    return found


def test_symbols(build):
    theirs = exported('/usr/lib/x86_64-linux-gnu/libzookeeper_mt.so.2')
    for name in ('compat/libzookeeper_mt.so.2', 'compat/libzookeeper_st.so.2', 'librookery.so.1'):
        ours = exported(os.path.join(build, name))
        missing = {s: v for s, v in theirs.items() if ours.get(s) != v}
        zk.check_equal(missing, {}, 'missing in %s, or of another size' % name)
        strange = [s for s in ours if not re.match(
            r'(zoo_|zookeeper_|ZOO_|ZOOKEEPER_|rk_|(de)?allocate_|(de)?serialize_|create_buffer_|close_|get_buffer)', s)
            and s not in theirs]
        zk.check_equal(strange, [], 'exported by %s without a reason' % name)
        for line in must(['readelf', '-d', os.path.join(build, name)]).splitlines():
            if 'SONAME' in line:
                zk.check('[%s]' % os.path.basename(name) in line, line)


# --------------------------------------------------------------------------------- Debian's programs

class Environment:
    """While it lasts, programs find our libraries under Apache's names first."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.before = os.environ.get('LD_LIBRARY_PATH')
        os.environ['LD_LIBRARY_PATH'] = self.folder

    def __exit__(self, *_):
        if self.before is None:
            del os.environ['LD_LIBRARY_PATH']
        else:
            os.environ['LD_LIBRARY_PATH'] = self.before


SCRIPT = ['create /t', 'create /t', 'get /t', 'set /t one', 'get /t', 'exists /t', 'exists /none', 'ls /t',
          'create +s /t/s-', 'create +e /t/e', 'create2 +es /t/es-', 'create +c /t/c', 'ls /t', 'ls2 /t', 'sync /t',
          'myid', 'delete /t', 'get_acl /t', 'reconfig -remove 3', 'config', 'delete /t/e', 'delete /t/c',
          'delete /t/s-0000000000', 'ls /t', 'verbose', 'wexists /later', 'create /later', 'delete /later', 'wget /t',
          'set /t again', 'delete /t/es-0000000002', 'delete /t', 'get /t', 'nonsense']


def cli_transcript(hosts):
    """What cli_mt says to the script, without what differs from run to run."""
    cli = cclient.Cli(hosts)
    try:
        cli.expect(r'Watcher SESSION_EVENT state = CONNECTED_STATE')
        for line in SCRIPT:
            cli.say(line)
            kit.time.sleep(0.03)
        cli.say('sync /end')
        cli.expect(r'^\[/end\]: rc = -?\d+')
        cli.quit()
    finally:
        cli.kill()
    text = cli._text
    text = re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+:[^:]*:', '', text)
    text = re.sub(r'([cm]?time) ?=.*', r'\1', text)
    text = re.sub(r'([cmp]zxid|ephemeralOwner|session id:?|session Id) ?=? ?(0x)?[0-9a-f]+', r'\1', text)
    text = re.sub(r'(?<!\n)Creating', '\nCreating', text)  # two threads print
    return [line for line in text.split('\n') if line.strip() and 'ZOO_' not in line]


def test_cli_says_the_same(build, server):
    theirs = cli_transcript(server.hosts)
    with Environment(os.path.join(build, 'compat')):
        ours = cli_transcript(server.hosts)
    zk.check(len(theirs) > 60, 'only %d lines' % len(theirs))
    # Answers and events come from two threads; within a request their order is the server's.
    changes = [line for line in difflib.ndiff(sorted(theirs), sorted(ours)) if line[0] in '-+']
    zk.check_equal(changes, [], 'what cli_mt says on ours and not on theirs')


def with_ours(build, test, *arguments):
    with Environment(os.path.join(build, 'compat')):
        test(*arguments)


def debian_programs(suite, build, server, kind):
    tests = [('nodes', cclient.test_cli_nodes), ('watches', cclient.test_cli_watches),
             ('load_gen', cclient.test_load_gen)]
    if kind == 'rookery':
        tests += [('od', cclient.test_cli_overdose), ('session file', cclient.test_cli_session_file)]
    for name, test in tests:
        suite.run('%s: Debian\'s programs on ours: %s' % (kind, name), with_ours, build, test, server)
    suite.run('%s: cli_mt says the same on both libraries' % kind, test_cli_says_the_same, build, server)


# ------------------------------------------------------------------------------------- own programs

def asked_of(server):
    def pause(_):
        os.kill(server.pid, signal.SIGSTOP)
        return 'done'

    def resume(_):
        os.kill(server.pid, signal.SIGCONT)
        return 'done'

    return {'pause': pause, 'resume': resume}


def compile_clib(folder, name, build, compiler, flags):
    program = os.path.join(folder, 'cl-' + name)
    must([compiler, '-std=gnu11', '-O1', '-g', '-DTHREADED', '-I' + os.path.join(ROOT, 'include')] + WARNINGS
         + flags + CLIB + ['-o', program, '-L' + build, '-lrookery', '-Wl,-rpath,' + build, '-pthread'])
    return program


def own_programs(suite, folder, build):
    """Each kind on a server of its own: they make the same nodes."""
    variants = [('plain', build, 'cc', []),
                ('asan', os.path.join(ROOT, 'build-asan'), 'clang', ['-fsanitize=address,undefined']),
                ('tsan', os.path.join(ROOT, 'build-tsan'), 'cc', ['-fsanitize=thread'])]
    for name, library_folder, compiler, flags in variants:
        title = 'clib %s: ' % name

        def missing():
            raise zk.Skipped('there is no %s/librookery.so' % os.path.basename(library_folder))

        if name != 'plain' and not os.path.exists(os.path.join(library_folder, 'librookery.so')):
            suite.run(title + 'built', missing)
            continue
        programs = []
        suite.run(title + 'compiles', lambda: programs.append(
            compile_clib(folder, name, library_folder, compiler, flags)))
        if programs:
            server = kit.make_server('rookery').start()
            forwarder = kit.Forwarder(server)
            kit.run_reporting_child(suite, [programs[0], server.hosts, forwarder.hosts], server, forwarder,
                                    timeout_s=240, prefix=title, asked=asked_of(server))
            forwarder.close()
            suite.run(title + 'server ends in order', kit.end_in_order, server)


def test_memory_that_runs_out(build, folder, server):
    """clib/torture/: every allocation and socket call of a session fails; nothing breaks, hangs or stays."""
    here = os.path.join(kit.HERE, 'clib', 'torture')
    shim = os.path.join(folder, 'failing.so')
    program = os.path.join(folder, 'torture')
    must(['cc', '-std=gnu11', '-O1', '-g', '-fPIC', '-shared'] + WARNINGS
         + [os.path.join(here, 'failing_malloc.c'), '-o', shim, '-ldl'])
    must(['cc', '-std=gnu11', '-O1', '-g', '-DTHREADED', '-I' + os.path.join(ROOT, 'include')] + WARNINGS
         + [os.path.join(here, 'torture.c'), '-o', program, '-L' + build, '-lrookery', '-Wl,-rpath,' + build,
            '-pthread', '-ldl'])
    done = run([program, server.hosts], env=dict(os.environ, LD_PRELOAD=shim))
    zk.check(done.returncode == 0, 'status %d\n%s%s' % (done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    zk.check('every allocation and socket call has failed' in done.stdout, done.stdout)


def test_example(build, folder, server, source):
    program = os.path.join(folder, os.path.basename(source)[:-2])
    with open(source, encoding='utf-8') as f:
        text = f.read()
    threaded = [] if 'zookeeper_process' in text else ['-DTHREADED']
    must(['cc', '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'] + threaded
         + ['-I' + os.path.join(ROOT, 'include'), source, '-o', program, '-L' + build, '-lrookery',
            '-Wl,-rpath,' + build, '-pthread'])
    out = must([program, server.hosts], timeout=30)
    wanted = re.search(r'^ \* Prints: (.*?)(?:\*/|$)', text, re.M)
    if wanted:
        zk.check(wanted.group(1).strip() in out, '%s printed:\n%s' % (program, out))


def test_installed(build, folder, server):
    """What `meson install` lays down is found by pkg-config and runs."""
    root = os.path.join(folder, 'root')
    must(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', root])
    found = [os.path.join(at, 'rookery.pc') for at, _, names in os.walk(root) if 'rookery.pc' in names]
    zk.check_equal(len(found), 1, 'rookery.pc')
    env = dict(os.environ, PKG_CONFIG_LIBDIR=os.path.dirname(found[0]), PKG_CONFIG_SYSROOT_DIR=root)
    flags = must(['pkg-config', '--cflags', '--libs', 'rookery'], env=env).split()
    program = os.path.join(folder, 'installed')
    must(['cc', '-std=c11', '-D_GNU_SOURCE', '-DTHREADED', os.path.join(ROOT, 'examples', 'multi.c'), '-o', program]
         + flags)
    library = os.path.dirname(os.path.dirname(found[0]))
    zk.check('one of' in must([program, server.hosts], env=dict(os.environ, LD_LIBRARY_PATH=library)), 'multi')
    man = [n for _, _, names in os.walk(root) for n in names if n.startswith('librookery.3')]
    zk.check_equal(len(man), 1, 'man page')


def test_single_threaded_name(build, folder, server):
    """A program without threads, linked to libzookeeper_st.so.2 as to Apache's."""
    program = os.path.join(folder, 'st')
    must(['cc', '-std=c11', '-D_GNU_SOURCE', '-I' + os.path.join(ROOT, 'include'),
          os.path.join(ROOT, 'examples', 'poll_loop.c'), '-o', program, '-L' + os.path.join(build, 'compat'),
          '-l:libzookeeper_st.so.2'])
    with Environment(os.path.join(build, 'compat')):
        zk.check('children of /:' in must([program, server.hosts], timeout=30), 'no children')


def test_npm(build, folder, server):
    """The package zookeeper of npm, its binding compiled against our headers and library."""
    if not shutil.which('npm') or not shutil.which('node'):
        raise zk.Skipped('npm is not installed')
    headers = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(shutil.which('node')))), 'include', 'node')
    if not os.path.exists(os.path.join(headers, 'node.h')):
        raise zk.Skipped('node has no headers')
    work = os.path.join(folder, 'npm')
    os.mkdir(work)
    try:
        got = run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0', 'zookeeper'],
                  cwd=work, timeout=40)
        reason = 'npm cannot be reached' if got.returncode else None
    except subprocess.TimeoutExpired:
        reason = 'npm does not answer'
    if reason:
        raise zk.Skipped(reason)
    package = os.path.join(work, 'node_modules', 'zookeeper')
    release = os.path.join(package, 'build', 'Release')
    os.makedirs(release)
    compat = os.path.join(build, 'compat')
    must(['c++', '-std=c++17', '-w', '-O0', '-fPIC', '-shared', '-DNODE_GYP_MODULE_NAME=zookeeper',
          '-DBUILDING_NODE_EXTENSION', '-I' + headers, '-I' + os.path.join(work, 'node_modules', 'nan'),
          '-I' + os.path.join(ROOT, 'include', 'zookeeper'), '-o', os.path.join(release, 'zookeeper.node'),
          os.path.join(package, 'src', 'node-zk.cpp'), '-L' + compat, '-l:libzookeeper_st.so.2',
          '-Wl,-rpath,' + compat])
    shutil.copy(os.path.join(kit.HERE, 'npm', 'session.js'), work)
    done = run(['node', 'session.js', server.hosts], cwd=work, timeout=60)
    zk.check(done.returncode == 0 and done.stdout.endswith('ok\n'), done.stdout + done.stderr)


def main():
    args = kit.parse_args(__doc__, lambda p: p.add_argument(
        '--build', default=os.path.join(ROOT, os.environ.get('BUILD', 'build'))))
    build = os.path.abspath(args.build)
    suite = zk.Suite('clib')
    folder = tempfile.mkdtemp(prefix='rookery-test-clib-')
    try:
        suite.run('headers have Debian\'s sizes, offsets and values', test_headers, build, folder)
        suite.run('headers are C++ too', test_headers_in_cxx, build, folder)
        suite.run('symbols are Debian\'s', test_symbols, build)
        own_programs(suite, folder, build)
        server = kit.make_server('rookery').start()
        suite.run('memory that runs out', test_memory_that_runs_out, build, folder, server)
        for source in sorted(glob.glob(os.path.join(ROOT, 'examples', '*.c'))):
            suite.run('example ' + os.path.basename(source), test_example, build, folder, server, source)
        suite.run('server ends in order', kit.end_in_order, server)
        server = kit.make_server('rookery').start()
        forwarder = kit.Forwarder(server)
        suite.run('installed', test_installed, build, folder, server)
        suite.run('libzookeeper_st', test_single_threaded_name, build, folder, server)
        suite.run('npm package zookeeper', test_npm, build, folder, server)
        program = cclient.compile_program(folder)
        with Environment(os.path.join(build, 'compat')):
            kit.run_reporting_child(suite, [program, server.hosts, forwarder.hosts], server, forwarder,
                                    timeout_s=120, prefix='program of cclient: ')
        debian_programs(suite, build, server, 'rookery')
        forwarder.close()
        suite.run('server ends in order', kit.end_in_order, server)
        apache = kit.make_server('apache').start()
        forwarder = kit.Forwarder(apache)
        debian_programs(suite, build, apache, 'apache')
        with Environment(os.path.join(build, 'compat')):
            kit.run_reporting_child(suite, [program, apache.hosts, forwarder.hosts], apache, forwarder,
                                    timeout_s=180, prefix='program of cclient, Apache\'s server: ')
        forwarder.close()
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
    finally:
        shutil.rmtree(folder)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
