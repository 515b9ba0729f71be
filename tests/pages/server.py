"""Answers ``python``, ``pip`` and other commands of a page.

Each command runs in a child of one process that has imported what the tools need, as most of a small run's time goes
into imports. The commands that stand in for ``python`` and so on on the pages' ``PATH`` (:data:`CLIENT`) send their words,
folder, environment and outputs here, and end as the child ends. Run as ``python server.py SOCKET``.

In the mode ``check`` nothing runs but ``python -c``: the parsers of the tools read the words.
"""

import array
import json
import multiprocessing
import os
import re
import runpy
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# Commands that pages have besides those of every shell.
COMMANDS = ('python', 'pip', 'npm', 'torchrun', 'srun', 'mim', 'pre-commit', 'pdoc')
CLIENT = f"""#!{sys.executable} -SEI
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(os.environ['PAGES_SERVER'])
call = json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
server.sendmsg([len(call).to_bytes(4, 'big')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))])
server.sendall(call)
code = server.recv(1)
sys.exit(code[0] if code else 'killed')
"""


def main() -> None:
    import mmtscam.apis
    import mmtscam.deployment
    import mmtscam.engine
    import mmtscam.pseudo_labels
    import mmtscam.speed  # noqa: F401

    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen()
    while True:
        client, _ = server.accept()
        length, (rights, *_), _, _ = client.recvmsg(4, socket.CMSG_LEN(3 * 4))
        streams = array.array('i', rights[2])
        content = client.makefile('rb').read(int.from_bytes(length, 'big'))
        multiprocessing.get_context('fork').Process(target=answer, args=(client, streams, *json.loads(content))).start()
        client.close()
        for stream in streams:
            os.close(stream)
        multiprocessing.active_children()  # joins those that have ended


def answer(client: socket.socket, streams: array.array, program: str, words: list[str], folder: str, env: dict) -> None:
    """Run one command in this process, with the client's outputs, and tell the client how it ended."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path[0:1] = env.get('PYTHONPATH', '').split(os.pathsep)
    sys.executable = str(Path(env['PAGES_COMMANDS'], 'python'))  # what tools start is answered here too
    code = 1
    try:
        check(program, words) if env['PAGES_MODE'] == 'check' else run(program, words)
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


def run(program: str, words: list[str]) -> None:
    """Do what a command says; what would install packages is only read."""
    if program == 'torchrun':
        program, words = 'python', ['-m', 'torch.distributed.run', *words]
    if program != 'python':
        check(program, words)
        return
    done = Path(os.environ['PAGES_DONE'])
    call = json.dumps([os.getcwd(), words])
    if words[0].startswith('tools/') and done.is_file() and call in done.read_text().splitlines():
        print(f'{" ".join(words)}: another page has run this')
        return
    start, sys.argv = python_start(words)
    try:
        start()
    except SystemExit as end:
        if end.code:
            raise
    with done.open('a') as file:
        file.write(f'{call}\n')


def python_start(words: list[str]) -> tuple[Callable[[], object], list[str]]:
    """What Python's command line starts, and its ``sys.argv``."""
    while words[0] in ('-u', '-W'):
        words = words[2 if words[0] == '-W' else 1 :]
    if words[0] == '-c':
        return lambda: exec(words[1], {'__name__': '__main__'}), ['-c', *words[2:]]
    if words[0] == '-m':
        return lambda: runpy.run_module(words[1], run_name='__main__', alter_sys=True), words[1:]
    sys.path.insert(0, str(Path(words[0]).resolve().parent))
    return lambda: runpy.run_path(words[0], run_name='__main__'), words


def check(program: str, words: list[str]) -> None:
    """Hold the words of a command against what reads them."""
    for word in words:
        if re.fullmatch(r'(configs|tools|tests)/[\w./-]+\.(py|sh|txt)', word) and not Path(word).is_file():
            raise SystemExit(f'{word}: there is no such file')
    if program == 'pip':
        check_pip(words)
    elif program == 'mim':
        if not (REPO / 'configs' / words[2]).is_file():
            raise SystemExit(f'{words[2]}: mmtscam has no such config')
    elif program == 'srun':
        check('python', words[words.index('python') + 1 :])
    elif program == 'torchrun':
        check_launcher(words)
    elif program == 'python':
        check_python(words)


def check_python(words: list[str]) -> None:
    start, argv = python_start(words)
    if words[0] == '-c':
        start()
    elif argv[0] == 'torch.distributed.run':
        check_launcher(argv[1:])
    else:
        check_tool(argv)


def check_launcher(words: list[str]) -> None:
    from torch.distributed.run import parse_args

    args = parse_args(words)
    check_tool([args.training_script, *args.training_script_args])


def check_tool(words: list[str]) -> None:
    """Let the tool read its command line, and no more; of a tool of another package only the file is looked for."""
    if not Path(words[0]).is_file():
        raise SystemExit(f'{words[0]}: there is no such file')
    if 'site-packages' in words[0]:
        return
    sys.argv = words
    names = runpy.run_path(words[0], run_name='checked')
    # A tool that only starts a part of the package takes its command line from there.
    parse = names.get('parse_args') or getattr(names.get('main'), '__globals__', {}).get('parse_args')
    if parse:
        parse()
    elif words[1:]:
        raise SystemExit(f'{words[0]}: has no parse_args, which reads {" ".join(words[1:])}')


def check_pip(words: list[str]) -> None:
    """Extras and lists of versions are the project's."""
    project = (REPO / 'pyproject.toml').read_text()
    for extras in re.findall(r'(?:^|\s)\S*\[([\w,]+)\]', ' '.join(words)):
        for extra in extras.split(','):
            if not re.search(rf'^{extra} = \[', project, re.MULTILINE):
                raise SystemExit(f'{extra}: no extra of pyproject.toml')
    if '-c' in words and not (REPO / words[words.index('-c') + 1]).is_file():
        raise SystemExit(f'{words[words.index("-c") + 1]}: there is no such file')


if __name__ == '__main__':
    main()
