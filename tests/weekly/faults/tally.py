"""Counting tries and what went wrong in them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Row:
    """The outcome of one kind of fault put upon one command.

    Attributes:
        tries: How often the fault was tried.
        late: How often the run had ended before.
        lost: The most checkpoint intervals that one try lost.
        hung: How many had to be killed.
        seconds: Time for all, with what was run to judge them.
        where: Functions in which the fault hit.
        faults: All that went wrong.
    """

    tries: int = 0
    late: int = 0
    lost: int = 0
    hung: int = 0
    seconds: float = 0
    where: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, *faults: str) -> None:
        """Note what went wrong, and print it at once: the tries take long."""
        for fault in faults:
            print(f'\n  {fault}', flush=True)
            self.faults.append(fault)


class Tally:
    """Rows by kind of fault and command."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = defaultdict(Row)

    def table(self) -> str:
        """The rows, and below them where the faults hit."""
        lines = [
            '| fault | command | tries | too late | lost intervals, at most | hung | wrong | seconds |',
            '|---|---|---|---|---|---|---|---|',
        ]
        for (kind, command), row in self.rows.items():
            cells = (kind, command, row.tries, row.late, row.lost, row.hung, len(row.faults), f'{row.seconds:.0f}')
            lines.append(f'| {" | ".join(map(str, cells))} |')
        for (kind, command), row in self.rows.items():
            if row.where:
                places = ', '.join(f'{name} {count}' for name, count in row.where.most_common(8))
                lines.append(f'{kind}, {command}, hit in: {places}')
        return '\n'.join(lines)

    def faults(self) -> list[str]:
        """All that went wrong."""
        return [f'{kind}, {command}: {fault}' for (kind, command), row in self.rows.items() for fault in row.faults]
