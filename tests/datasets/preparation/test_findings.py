from mmtscam.datasets.preparation import Findings
from mmtscam.datasets.preparation.findings import missing_files


def test_text_says_what_there_should_be():
    findings = Findings(expected=dict(images=1200, classes=2), counts=dict(images=1000, classes=2, boxes=7))
    findings.remark('files are odd', ['a'])
    findings.complain('images are lost', [f'{index}.jpg' for index in range(2000)], 'find them')
    assert findings.text().splitlines() == [
        'images: 1,000 (should be 1,200)',
        'classes: 2',
        'boxes: 7',
        'note: 1 files are odd: a',
        'problem: 2,000 images are lost: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg, ...; find them',
    ]


def test_nothing_to_complain_about():
    findings = Findings()
    findings.complain('images are lost', iter(()))
    findings.remark('files are odd', [])
    assert (findings.problems, findings.notes) == ([], [])
    assert findings.passes()


def test_a_subset_passes_where_it_is_allowed_but_not_with_problems():
    findings = Findings(expected=dict(images=3), counts=dict(images=2))
    assert not findings.passes()
    assert findings.passes(allow_subset=True)
    findings.problems.append('broken')
    assert not findings.passes(allow_subset=True)


def test_what_was_not_counted_differs():
    assert Findings(expected=dict(images=0)).counts_differ


def test_missing_files_are_told_through_the_progress(tmp_path):
    (tmp_path / 'a').touch()
    (tmp_path / 'folder').mkdir()
    seen = []

    def track(items, description):
        seen.append((list(items), description))
        return items

    assert missing_files(str(tmp_path), ['a', 'b', 'folder'], track, 'looking') == ['b', 'folder']
    assert seen == [(['a', 'b', 'folder'], 'looking')]


def test_each_finding_is_one_line_whatever_files_are_called():
    findings = Findings()
    findings.complain('images are lost', ['a\n\x1b[2Jimages: 7.jpg'])
    assert findings.text() == r'problem: 1 images are lost: a\n\x1b[2Jimages: 7.jpg'
