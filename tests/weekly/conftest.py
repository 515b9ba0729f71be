"""The tables of the long suites, printed at the end of a run."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Reports of tests in other processes bring along what the tests recorded, and nothing that they printed.
    reports = [report for kind in ('passed', 'failed') for report in terminalreporter.stats.get(kind, ())]
    for report in reports:
        for name, value in report.user_properties:
            if name == 'table':
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(value)
