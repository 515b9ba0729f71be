"""The pages show the means of the runs that the lists of measured numbers hold."""

import csv

from mmtscam.evaluation.comparison import comparison_table, read_plan


def test_the_table_of_ten_classes_is_that_of_its_runs(repo):
    plan = read_plan(repo / 'configs' / 'comparisons' / 'cub10.py')
    with (repo / 'configs' / 'comparisons' / 'cub10.csv').open() as file:
        found = {
            (row.pop('method'), int(row.pop('seed'))): {key: float(value) for key, value in row.items() if value}
            for row in csv.DictReader(file)
        }
    assert {name for name, _ in found} <= {method.name for method in plan.methods}
    page = (repo / 'configs' / 'cam' / 'README.md').read_text().splitlines()
    lines = [line for line in comparison_table(plan, found).splitlines()[2:] if not line.endswith('| 0 |')]
    assert len(lines) > 2
    assert [line for line in lines if line not in page] == []
