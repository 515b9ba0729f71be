#!/usr/bin/env bash
# mmengine: the first row of a data set cannot be reached from the end.
#
# Versions:  mmengine 0.10.7, torch 2.11.0, Python 3.11
# Guess:     get_data_info(-len(dataset)) is the first row, as with a list,
#            and get_subset(-n) gives the last n rows for every n.
# Behaviour: with serialized rows, which is the default, both raise IndexError
#            for n = len(dataset). Without serialization they are right.
# Seen:      serialized: row IndexError, subset IndexError
#            not serialized: row 0, subset [0, 1, 2] (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.11.0 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
from mmengine.dataset import BaseDataset


class Rows(BaseDataset):
    def load_data_list(self):
        return [dict(number=number) for number in range(3)]


def tried(function):
    try:
        return function()
    except IndexError as error:
        return type(error).__name__


for serialize in (True, False):
    rows = Rows(serialize_data=serialize)
    row = tried(lambda: rows.get_data_info(-3)['number'])
    subset = tried(lambda: [each['number'] for each in map(rows.get_subset(-3).get_data_info, range(3))])
    print('serialized:' if serialize else 'not serialized:', f'row {row}, subset {subset}')
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
serialized: row IndexError, subset IndexError
not serialized: row 0, subset [0, 1, 2]
SEEN
