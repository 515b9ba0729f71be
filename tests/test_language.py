"""Plain English: no sentence of a docstring, comment or page begins with a word that puts its subject off."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDERS = ('mmtscam', 'tools', 'configs', 'tests', 'findings')
# At the start of a text, a paragraph, an entry of a list or of a section, and after a full stop.
LATE_SUBJECT = re.compile(
    r'(?:^\s*(?:[-*] )?|\n\s*\n\s*|\n\s*[-*] |[.!?]\)?\s+|(?:^|\n)\s*[\w*`]+: )(Of|What|Under which|As)\b'
)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and (text := ast.get_docstring(node)):
            yield getattr(node, 'lineno', 1), text


def comments(source: str) -> Iterator[tuple[int, str]]:
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1 and block:
            yield start, ' '.join(block)
            block = []
        if not block:
            start = token.start[0]
        block.append(token.string.lstrip('# '))
        last = token.start[0]
    if block:
        yield start, ' '.join(block)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text(encoding='utf-8')
    if path.suffix == '.md':
        prose = re.sub(r'```.*?```', '', source, flags=re.S)
        yield from enumerate(prose.split('\n\n'), 1)
        return
    yield from docstrings(ast.parse(source))
    yield from comments(source)


def files(repo: Path) -> list[Path]:
    found = [path for folder in FOLDERS for path in (repo / folder).rglob('*.py') if '.mim' not in path.parts]
    pages = [path for path in repo.rglob('*.md') if not re.search(r'/\.(venv|mim)', str(path))]
    return [*found, *pages]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('What users call.', ['What']),
        ('A line. Of these two.', ['Of']),
        ('As of now.', ['As']),
        ('A list:\n\n- Under which rules', ['Under which']),
        ('Args:\n    size: Of the letters.', ['Of']),
        ('It is what it is. A part of it, as it were.', []),
        ('Offers, Whatever and Assets.', []),
    ],
)
def test_the_rule_itself(text, expected):
    assert LATE_SUBJECT.findall(text) == expected


def test_sentences_begin_with_their_subject(repo):
    late = [
        f'{path.relative_to(repo)}:{line}: {match[0].strip()} {text[match.end() : match.end() + 40].strip()}'
        for path in files(repo)
        for line, text in texts(path)
        for match in LATE_SUBJECT.finditer(text)
    ]
    assert not late, '\n'.join(late)
