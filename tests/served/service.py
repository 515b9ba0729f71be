"""Starts the server, and makes the commands that it answers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Sends its words, folder, environment and outputs to the server, and ends as the server's child ends.
_CLIENT = f"""#!{sys.executable} -SEI
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(os.environ['SERVED_AT'])
call = json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
server.sendmsg([len(call).to_bytes(4, 'big')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))])
server.sendall(call)
code = server.recv(1)
sys.exit(code[0] if code else 'killed')
"""


class Service:
    """A server, and the commands that it answers.

    Args:
        folder: To make; it takes the commands and the server's log.
        names: Names of the commands besides ``python``, which a module named by ``SERVED_BY`` in their environment
            runs.

    Attributes:
        commands: Folder of the commands.
        environment: Variables with which a process uses them.
    """

    def __init__(self, folder: Path, names: Sequence[str] = ()) -> None:
        self.commands = folder / 'bin'
        self.commands.mkdir(parents=True)
        for name in ('python', *names):
            (self.commands / name).write_text(_CLIENT)
            (self.commands / name).chmod(0o755)
        # The path of a socket may have about a hundred characters.
        self._socket = Path(f'/tmp/served_{os.getpid()}_{time.monotonic_ns()}')
        path = [self.commands, Path(sys.executable).parent, os.environ['PATH']]
        self.environment = {'PATH': os.pathsep.join(map(str, path)), 'SERVED_AT': str(self._socket)}
        log = folder / 'server.log'
        with log.open('w') as opened:
            command = [sys.executable, '-W', 'ignore', str(Path(__file__).with_name('server.py')), str(self._socket)]
            self._server = subprocess.Popen(command, stdout=opened, stderr=opened, start_new_session=True)
        while not self._socket.exists():
            if self._server.poll() is not None:
                raise RuntimeError(f'{log}: {log.read_text()[-4000:]}')
            time.sleep(0.05)

    def close(self) -> None:
        """End the server and all that it started."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._socket.unlink()
