# servers.py: processes of a test server, noted in a file so that whoever comes next can end them
#
# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time

BUCKET = 'dimple'
SEARCH_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'


class Failure(Exception):
    """What went wrong, in a sentence."""


def start_time_of(pid):
    """When a process was started: with its id, this names it for good. None once it has ended."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as stat:
            fields = stat.read().rpartition(')')[2].split()
    except OSError:
        return None
    return None if fields[0] in 'ZX' else fields[19]


def free_ports(count):
    """Ports of the loopback that nobody has now."""
    held = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
    except OSError:
        return False
    return True


class Folder:
    """The folder of one server. Everything that it writes is in here."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def join(self, *names):
        return os.path.join(self.path, *names)

    @property
    def pids(self):
        return self.join('pids')

    def prepare(self):
        """Makes it anew. What an earlier run has left is ended first; a folder of somebody else's is not touched."""
        if os.path.isdir(self.path) and os.listdir(self.path):
            if not os.path.exists(self.pids):
                raise Failure(f'{self.path} is neither empty nor one of mine')
            self.stop()
            shutil.rmtree(self.path)
        os.makedirs(self.path, exist_ok=True)
        with open(self.pids, 'w', encoding='utf-8'):
            pass
        for name in ('conf', 'data', 'log', 'run'):
            os.mkdir(self.join(name))

    def write(self, name, text):
        path = self.join('conf', name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def _log(self, name):
        return open(self.join('log', name + '.out'), 'ab')

    def run(self, name, *command, timeout=60):
        """Runs a command to its end."""
        with self._log(name) as log:
            try:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=timeout, check=True)
            except (OSError, subprocess.SubprocessError) as error:
                raise Failure(f'{command[0]}: {error}') from None

    def spawn(self, name, *command):
        """Starts a process that outlives this one."""
        with self._log(name) as log:
            try:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.path,
                                           start_new_session=True)
            except OSError as error:
                raise Failure(f'{command[0]}: {error}') from None
        with open(self.pids, 'a', encoding='utf-8') as pids:
            pids.write(f'{name} {process.pid} {start_time_of(process.pid)}\n')

    def processes(self):
        """Name, id and start time of each that was noted, the first one first."""
        with open(self.pids, encoding='utf-8') as pids:
            return [(name, int(pid), start) for name, pid, start in (line.split() for line in pids)]

    def check_alive(self):
        for name, pid, start in self.processes():
            if start_time_of(pid) != start:
                raise Failure(f'{name} has ended by itself')

    def stop(self):
        """Ends what was started, the last one first. The names of those that would not end are returned."""
        left = []
        for name, pid, start in reversed(self.processes()):
            # A store would take its time to write down what nobody wants
            signals = (signal.SIGKILL,) if name in ('mon', 'osd') else (signal.SIGTERM, signal.SIGKILL)
            if not any(self._end(pid, start, number) for number in signals):
                left.append(name)
        if not left:
            with open(self.pids, 'w', encoding='utf-8'):
                pass
        return left

    @staticmethod
    def _end(pid, start, number):
        if start_time_of(pid) == start:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return True
        for _ in range(100):
            if start_time_of(pid) != start:
                return True
            time.sleep(0.02)
        return False

    def last_words(self):
        """The ends of the logs, for a person who wants to know why."""
        texts = []
        for name in sorted(os.listdir(self.join('log'))):
            with open(self.join('log', name), encoding='utf-8', errors='replace') as log:
                lines = log.read().splitlines()[-5:]
            if lines:
                texts.append('\n'.join([f'--- {name}'] + [line[:300] for line in lines]))
        return '\n'.join(texts)

    def make_certificates(self):
        """A certificate authority of our own, and a certificate by it for localhost and its buckets."""
        os.mkdir(self.join('tls'))
        extensions = self.write('server.ext', f'subjectAltName=DNS:localhost,DNS:{BUCKET}.localhost,IP:127.0.0.1\n'
                                'basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n')
        ca, ca_key, key, request, certificate = (self.join('tls', name) for name in
                                                 ('ca.pem', 'ca.key', 'server.key', 'server.csr', 'server.pem'))
        new_key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
        self.run('tls', 'openssl', 'req', '-x509', *new_key, '-days', '30', '-keyout', ca_key, '-out', ca,
                 '-subj', '/CN=Dimple test CA', '-addext', 'basicConstraints=critical,CA:TRUE',
                 '-addext', 'keyUsage=critical,keyCertSign')
        self.run('tls', 'openssl', 'req', *new_key, '-keyout', key, '-out', request, '-subj', '/CN=localhost')
        self.run('tls', 'openssl', 'x509', '-req', '-in', request, '-CA', ca, '-CAkey', ca_key, '-CAcreateserial',
                 '-days', '30', '-extfile', extensions, '-out', certificate)
        return ca, certificate, key


def new_secret():
    """With the characters that a signature's and a URI's reader may stumble over."""
    return secrets.token_hex(12) + '/+' + secrets.token_hex(6)
