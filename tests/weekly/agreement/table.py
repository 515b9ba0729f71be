"""The table that the tests of agreement print: pairs, cases and the largest difference."""

from collections.abc import Iterator


class Table:
    """Rows by pair; the same pair in several tests or calls is one row."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, float]] = {}

    def add(self, pair: str, cases: int, difference: float) -> None:
        """Count cases of a pair and keep the largest difference."""
        known, largest = self._rows.get(pair, (0, 0.0))
        self._rows[pair] = known + cases, max(largest, float(difference))

    def lines(self) -> Iterator[str]:
        """The table in Markdown."""
        yield '| pair | cases | largest difference |'
        yield '|---|---|---|'
        for pair, (cases, largest) in self._rows.items():
            yield f'| {pair} | {cases} | {largest:.2g} |'
