"""Programs as a user meets them: each on a display and a session bus of its own, with keys that are real ones (xdotool) and
what a screen reader sees.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAUNCHER = '/usr/libexec/at-spi-bus-launcher'
PATIENCE = 60                           # s until something that never comes is given up


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise Failure(f'{what}: not within {PATIENCE} s')


class Desktop:
    """One program with its own display, session bus and files.

    Its first window has the title, and it runs in its home with the variables besides those of a session.
    """

    def __init__(self, name, command, title, folder, screenshots, **variables):
        self.name, self.command, self.title, self.screenshots = name, command, title, screenshots
        self.home = os.path.join(folder, name)
        self.processes = []
        self.env = dict(os.environ, HOME=self.home, GSK_RENDERER='cairo', GDK_BACKEND='x11', LC_ALL='C.UTF-8',
                        GSETTINGS_BACKEND='memory', G_DEBUG='fatal-warnings', NO_AT_BRIDGE='0',
                        XDG_DATA_DIRS='/usr/local/share:/usr/share')
        self.env.update(variables)
        for variable in ('WAYLAND_DISPLAY', 'AT_SPI_BUS_ADDRESS', 'XDG_CURRENT_DESKTOP'):
            self.env.pop(variable, None)
        for kind in ('CONFIG_HOME', 'DATA_HOME', 'CACHE_HOME', 'STATE_HOME', 'RUNTIME_DIR'):
            self.env['XDG_' + kind] = os.path.join(self.home, kind.lower())
            os.makedirs(self.env['XDG_' + kind], mode=0o700)
        self.log = open(os.path.join(self.home, 'log'), 'w', encoding='utf-8')

    def spawn(self, *command, **arguments):
        process = subprocess.Popen(command, env=self.env, stderr=self.log, **arguments)
        self.processes.append(process)
        return process

    def start(self):
        # It would start anew whenever its last client goes, which may be xdotool.
        display = self.spawn('Xvfb', '-displayfd', '1', '-noreset', '-screen', '0', '1000x700x24', '-nolisten', 'tcp',
                             stdout=subprocess.PIPE, text=True)
        self.env['DISPLAY'] = ':' + display.stdout.readline().strip()
        bus = self.spawn('dbus-daemon', '--session', '--nofork', '--print-address', stdout=subprocess.PIPE, text=True)
        self.env['DBUS_SESSION_BUS_ADDRESS'] = bus.stdout.readline().strip()
        # Or else the bus would start it, and nobody would end it.
        self.spawn(LAUNCHER, '--launch-immediately', stdout=self.log)
        self.open()

    def open(self):
        self.process = self.spawn(*self.command, stdout=self.log, cwd=self.home)
        self.focus(self.title)

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()

    def xdotool(self, *arguments):
        return subprocess.run(['xdotool', *arguments], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=False).stdout.split()

    def focus(self, title):
        """There is no window manager, so nobody else gives a window the keyboard."""
        def focused():
            if self.process.poll() is not None:
                raise Failure(f'{self.name} has ended with {self.process.returncode}')
            windows = self.xdotool('search', '--onlyvisible', '--name', f'^{title}$')
            if windows:
                self.xdotool('windowfocus', '--sync', windows[-1])
            return windows and self.xdotool('getwindowfocus') == windows[-1:]
        wait_for(f'{self.name}: the window {title}', focused)
        time.sleep(0.5)                 # until the window has heard of it, and chosen a widget

    def keys(self, *keys):
        self.xdotool('key', '--delay', '40', *keys)

    def type(self, text):
        self.xdotool('type', '--delay', '15', text)

    def seen(self):
        output = subprocess.run([os.path.join(HERE, 'accessible-names')], env=self.env, stdout=subprocess.PIPE,
                                stderr=self.log, text=True, check=False).stdout
        return [line.split('\t', 1)[1] for line in output.splitlines() if '\t' in line]

    def wait_seen(self, *texts):
        wait_for(f'{self.name} shows {texts}', lambda: set(texts) <= set(self.seen()))

    def wait_gone(self, text):
        wait_for(f'{self.name} shows no {text}', lambda: text not in self.seen())

    def screenshot(self, what):
        subprocess.run(['import', '-window', 'root', os.path.join(self.screenshots, f'{what}.png')], env=self.env,
                       check=False, stderr=subprocess.DEVNULL)


def missing():
    for program in ('Xvfb', 'xdotool', 'dbus-daemon', 'import', LAUNCHER):
        if shutil.which(program) is None:
            return program
    try:
        import gi
        gi.require_version('Atspi', '2.0')
    except (ImportError, ValueError):
        return 'the typelib of Atspi'
    return None
