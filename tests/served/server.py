"""Answers the commands of :class:`served.Service`, each in a child of this process: ``python server.py SOCKET``."""

import array
import importlib
import json
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

TESTS = str(Path(__file__).resolve().parents[1])


def main() -> None:
    import mmtscam.apis
    import mmtscam.deployment
    import mmtscam.engine
    import mmtscam.pseudo_labels
    import mmtscam.speed  # noqa: F401

    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen()
    server.settimeout(5)
    starter = os.getppid()
    while os.getppid() == starter:
        try:
            client, _ = server.accept()
        except TimeoutError:
            continue
        length, (rights, *_), _, _ = client.recvmsg(4, socket.CMSG_LEN(3 * 4))
        streams = array.array('i', rights[2])
        content = client.makefile('rb').read(int.from_bytes(length, 'big'))
        multiprocessing.get_context('fork').Process(target=answer, args=(client, streams, *json.loads(content))).start()
        client.close()
        for stream in streams:
            os.close(stream)
        multiprocessing.active_children()  # joins those that have ended
    # Nobody waits for the children any more.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def answer(client: socket.socket, streams: array.array, program: str, words: list[str], folder: str, env: dict) -> None:
    """Run one command in this process, with the client's outputs, and tell the client how it ended."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(env)
    if 'OMP_NUM_THREADS' in env:
        torch.set_num_threads(int(env['OMP_NUM_THREADS']))
    os.chdir(folder)
    sys.path[0:1] = [path for path in env.get('PYTHONPATH', '').split(os.pathsep) if path]
    # Programs that this one starts are answered here too.
    sys.executable = str(Path(env['PATH'].split(os.pathsep)[0], 'python'))
    code = 1
    try:
        if 'SERVED_BY' in env:
            sys.path.insert(0, TESTS)
            handler = importlib.import_module(env['SERVED_BY'])
            sys.path.remove(TESTS)
            handler.answer(program, words)
        else:
            start_python(words)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, int | None):
            code = end.code or 0
        else:
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        client.sendall(bytes([code]))


def start_python(words: list[str]) -> None:
    """Do what a command line of Python says."""
    start, sys.argv = read_python(words)
    start()


def read_python(words: list[str]) -> tuple[Callable[[], object], list[str]]:
    """The start of what Python's command line names, and its ``sys.argv``."""
    while words[0] in ('-u', '-W'):
        words = words[2 if words[0] == '-W' else 1 :]
    if words[0] == '-c':
        return lambda: exec(words[1], {'__name__': '__main__'}), ['-c', *words[2:]]
    if words[0] == '-m':
        return lambda: runpy.run_module(words[1], run_name='__main__', alter_sys=True), words[1:]
    sys.path.insert(0, str(Path(words[0]).resolve().parent))
    return lambda: runpy.run_path(words[0], run_name='__main__'), words


if __name__ == '__main__':
    main()
