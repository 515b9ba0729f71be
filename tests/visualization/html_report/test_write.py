import json
import os
import signal
import zipfile

import cv2
import numpy as np
import pytest

from mmtscam.evaluation import read_result
from mmtscam.evaluation.stored_maps import MapFile, MapPart, merge_parts
from mmtscam.structures import MapKind
from mmtscam.visualization.drawing import color_map
from mmtscam.visualization.html_report import Run, write_html_report
from mmtscam.visualization.html_report import thumbnails as pictures
from mmtscam.visualization.html_report.runs import common_folder
from mmtscam.visualization.html_report.thumbnails import Job, draw, draw_all
from mmtscam.visualization.html_report.write import check_replaceable


def _save(path, samples, origin=None):
    part = MapPart(path.with_suffix('.part'))
    for index, sample in enumerate(samples):
        part.add({**sample, 'img_id': index})
    part.close()
    merge_parts([part.path], path, len(samples), origin=origin)
    return MapFile(path)


def _samples(path):
    """The samples of a map file, as they were before they were saved."""
    samples = list(MapFile(path))
    for sample in samples:
        del sample['class_maps']['scores']
    return samples


def _data(index):
    text = (index.parent / 'data.js').read_text()
    return json.loads(text.removeprefix('window.MMTSCAM_REPORT = ').removesuffix(';\n'))


def _rows(data):
    gallery = data['gallery']
    parts = [gallery, gallery['runs'][0]]
    return [
        {
            column: value
            for part, row in zip(parts, rows, strict=True)
            for column, value in zip(part['columns'], row, strict=True)
        }
        for rows in zip(*(part['rows'] for part in parts), strict=True)
    ]


@pytest.mark.parametrize('workers', [0, 2])
def test_pictures_and_data(result, write, workers):
    index = write(workers=workers, thumbnail_size=50)
    data = _data(index)
    gallery = data['gallery']
    assert gallery['root'] == f'{result.images}/'
    # "maps" are the coupled ones, and drawn once.
    assert gallery['runs'][0]['kinds'] == [
        dict(name='coupled', title='coupled map', agnostic=False, scored=True),
        dict(name='attention', title='attention A*', agnostic=True, scored=False),
        dict(name='semantic', title='semantic map', agnostic=False, scored=False),
    ]
    rows = _rows(data)
    assert [row['path'] for row in rows[:2]] == ['0/00 #%.jpg', '1/01 #%.jpg']
    assert rows[1]['size'] == [200, 100]
    assert rows[1]['truth'] == [[30.0, 15.0, 160.0, 80.0]]
    assert all(row['pictured'] and row['maps'] == ['coupled', 'attention', 'semantic'] for row in rows)
    # Where the class is wrong; attention is the same for all classes.
    assert [row['predictedMaps'] for row in rows[:2]] == [['coupled', 'semantic'], []]
    small = cv2.imread(str(index.parent / 'images' / '000' / '000001.jpg'))
    assert small.shape == (25, 50, 3)
    assert cv2.imread(str(index.parent / 'maps' / '0' / 'attention' / '000' / '000001.jpg')).shape == (64, 128, 3)
    pictures = {str(path.relative_to(index.parent / 'maps')) for path in index.parent.rglob('maps/**/*.jpg')}
    assert len(pictures) == 12 * 3 + 3 * 2
    assert '0/coupled/000/000004-predicted.jpg' in pictures
    assert sorted(os.listdir(index.parent)) == ['data.js', 'images', 'index.html', 'maps', 'report.css', 'report.js']
    assert not [name for name in os.listdir(result.folder) if name.startswith('.')]


def test_the_table_counts_all_images(result, write):
    data = _data(write(max_images=5))
    assert [row['path'][2:4] for row in _rows(data)] == ['00', '03', '06', '08', '11']
    (part,) = data['gallery']['runs']
    table = part['table']
    numbers = {number['key']: number for number in data['runs'][0]['results'][0]['numbers']}
    for place, outcome in enumerate(part['outcomes']):
        assert sum(line['outcomes'][place] for line in table) == numbers[f'outcome_{outcome}']['value']
    assert sum(line['known'] for line in table) == numbers['gt_known']['count']
    assert [(line['images'], line['taken']) for line in table] == [(4, [1, 1]), (4, [2, 1]), (4, [0, 1])]


def test_other_maps_are_scored(result):
    run = Run('tiny', read_result(result.folder, 'tscam-attention'), MapFile(result.maps))
    written = write_html_report([run], result.folder / 'html')
    assert [kind['scored'] for kind in _data(written.index)['gallery']['runs'][0]['kinds']] == [False, True, False]


def test_images_that_cannot_be_read(result):
    (result.images / '1' / '01 #%.jpg').unlink()
    (result.images / '2' / '02 #%.jpg').write_bytes(b'no image')
    (result.images / '0' / '03 #%.jpg').write_bytes(b'')
    written = write_html_report([Run('tiny', read_result(result.folder))], result.folder / 'html')
    assert [problem.split(': ')[1] for problem in written.problems] == [
        'no such file',
        'cannot be read as an image',
        'cannot be read as an image',
    ]
    rows = _rows(_data(written.index))
    assert [row['pictured'] for row in rows] == [True, False, False, False, *[True] * 8]
    assert (rows[0]['size'], rows[1]['size']) == ([100, 160], None)


def test_images_that_moved(result, tmp_path, write):
    """The folder may be any of those above the images; one that is missing is not taken for its namesake."""
    (result.images / '0' / '00 #%.jpg').unlink()
    (tmp_path / 'set').rename(tmp_path / 'elsewhere')
    (tmp_path / 'elsewhere' / 'images' / '00 #%.jpg').write_bytes(b'another')
    for root in (tmp_path / 'elsewhere', tmp_path / 'elsewhere' / 'images'):
        rows = _rows(_data(write(image_root=root)))
        assert [row['pictured'] for row in rows] == [False, *[True] * 11]
    with pytest.raises(ValueError, match='none of the images is there'):
        write(image_root=result.folder)
    with pytest.raises(ValueError, match='nowhere: no such folder; image_root is where'):
        write(image_root='nowhere')


def test_maps_of_another_test(result, tmp_path):
    samples = _samples(result.maps)
    read = read_result(result.folder)
    for change, message in (
        (dict(gt_label=0), r'other\.npz: .*07 #%\.jpg has label 0, but 1 in the CSV file'),
        (dict(img_path='x.jpg'), r'other\.npz: no maps of .*07 #%\.jpg, and of 0 others of 12'),
    ):
        maps = _save(tmp_path / 'other.npz', [*samples[:7], {**samples[7], **change}, *samples[8:]])
        with pytest.raises(ValueError, match=message):
            write_html_report([Run('tiny', read, maps)], tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


A = dict(checkpoint='a.pth', checkpoint_sha256='a' * 64, views=None)
B = dict(checkpoint='b.pth', checkpoint_sha256='b' * 64, views=None)
ZOOM = dict(sizes=[[224, 224]], zoom=True)


@pytest.mark.parametrize(
    ('of_report', 'of_maps', 'said'),
    [
        (A, B, f"its checkpoint is 'a.pth', SHA-256 '{'a' * 12}', and that of the maps 'b.pth', SHA-256 '{'b' * 12}'"),
        (A, dict(A, views=ZOOM), 'its views are one view, and those of the maps sizes [[224, 224]], zoom True'),
        (dict(A, views=ZOOM), A, 'its views are sizes [[224, 224]], zoom True, and those of the maps one view'),
    ],
)
def test_maps_of_another_origin(result, tmp_path, of_report, of_maps, said):
    _set_origin(result.folder, of_report)
    maps = _save(tmp_path / 'other.npz', _samples(result.maps), of_maps)
    with pytest.raises(ValueError) as caught:
        write_html_report([Run('tiny', read_result(result.folder), maps)], tmp_path / 'out')
    assert str(caught.value) == (
        f'{result.folder}/report.json is of another test than {tmp_path}/other.npz: {said}: '
        'name the maps that each test saved, in the order of the results'
    )
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('of_report', 'of_maps'), [(A, A), (A, {}), (None, B), (A, dict(B, checkpoint_sha256=None)), ({}, dict(views=ZOOM))]
)
def test_maps_whose_origin_is_the_same_or_not_known(result, tmp_path, of_report, of_maps):
    _set_origin(result.folder, of_report)
    maps = _save(tmp_path / 'other.npz', _samples(result.maps), of_maps)
    assert write_html_report([Run('tiny', read_result(result.folder), maps)], tmp_path / 'out').images == 12


def test_maps_in_swapped_order(result, second, tmp_path):
    _set_origin(result.folder, A)
    _set_origin(second, B)
    maps = [_save(tmp_path / f'{name}.npz', _samples(result.maps), origin) for name, origin in (('a', A), ('b', B))]
    results = [read_result(result.folder), read_result(second)]
    with pytest.raises(ValueError, match=r'result/report\.json is of another test than .*/b\.npz'):
        write_html_report(list(map(Run, 'ab', results, maps[::-1])), tmp_path / 'out')
    assert write_html_report(list(map(Run, 'ab', results, maps)), tmp_path / 'out').images == 12


def test_maps_of_another_kind_of_head(result, tmp_path):
    samples = _samples(result.maps)
    for sample in samples:
        scores = sample['class_maps']
        cam = dict(cam=scores['coupled'], map_kind='cam', map_kinds=[MapKind('cam', 'class activation map')])
        sample['class_maps'] = {**{name: scores[name] for name in ('labels', 'maps', 'threshold')}, **cam}
    maps = _save(tmp_path / 'cam.npz', samples)
    with pytest.raises(ValueError, match=r"cam\.npz: it scores maps of the kind 'coupled', and the maps are cam: name"):
        write_html_report([Run('tiny', read_result(result.folder), maps)], tmp_path / 'out')


def _set_origin(folder, origin):
    report = json.loads((folder / 'report.json').read_text())
    (folder / 'report.json').write_text(json.dumps({**report, 'origin': origin}))


def test_maps_in_another_order(result, tmp_path, write):
    maps = _save(tmp_path / 'reversed.npz', _samples(result.maps)[::-1])
    index = write()
    written = write_html_report([Run('tiny', read_result(result.folder), maps)], tmp_path / 'out')
    assert written.index.with_name('data.js').read_text() == index.with_name('data.js').read_text()
    for path in index.parent.rglob('maps/**/*.jpg'):
        assert path.read_bytes() == (tmp_path / 'out' / path.relative_to(index.parent)).read_bytes()


def test_a_folder_that_is_something_else_stays(result, tmp_path):
    read = [Run('tiny', read_result(result.folder))]
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'thesis.tex').touch()
    with pytest.raises(ValueError, match=r"other: is no report, for there is 'thesis.tex' in it"):
        write_html_report(read, tmp_path / 'other')
    with pytest.raises(ValueError, match=r'thesis\.tex: is a file'):
        write_html_report(read, tmp_path / 'other' / 'thesis.tex')
    assert os.listdir(tmp_path / 'other') == ['thesis.tex']


def test_several_results(result, second, tmp_path):
    runs = [
        Run('<i>a</i>', read_result(result.folder), MapFile(result.maps)),
        Run('b', read_result(second)),
        Run('<i>a</i>', read_result(result.folder, 'tscam-attention'), MapFile(result.maps)),
    ]
    written = write_html_report(runs, tmp_path / 'out', max_images=5)
    data = _data(written.index)
    assert [(run['name'], run['title'], run['chosen']) for run in data['runs']] == [
        ('<i>a</i>', '<i>a</i> #1', 0), ('b', 'b', 0), ('<i>a</i>', '<i>a</i> #2', 1)
    ]  # fmt: skip
    for run, own in zip(data['runs'], runs, strict=True):
        assert run['results'] == own.result.report['results']
    gallery = data['gallery']
    assert (gallery['images'], len(gallery['rows']), written.images) == (12, 5, 5)
    for part, own in zip(gallery['runs'], runs, strict=True):
        rows = [dict(zip(part['columns'], row, strict=True)) for row in part['rows']]
        assert [row['iou'] for row in rows] == [own.result.rows[index].iou for index in (0, 3, 6, 8, 11)]
    assert [part['run'] for part in gallery['runs']] == [0, 1, 2]
    assert [len(part['kinds']) for part in gallery['runs']] == [3, 0, 3]
    # One picture of each image, maps of each result that has some, true boxes of any.
    assert len(list((tmp_path / 'out' / 'images').rglob('*.jpg'))) == 5
    assert sorted(os.listdir(tmp_path / 'out' / 'maps')) == ['0', '2']
    assert all(row[3] for row in gallery['rows'])


def test_results_without_rows(result, second, tmp_path):
    """MaxBoxAcc or PixelAP alone leave none: there are numbers and curves, and no gallery."""
    report = json.loads((second / 'report.json').read_text())
    report['results'] = report['results'][1:]
    (second / 'report.json').write_text(json.dumps(report))
    alone = Run('b', read_result(second))
    data = _data(write_html_report([alone], tmp_path / 'out').index)
    assert data['gallery'] is None and data['runs'][0]['results'] == report['results']
    assert sorted(os.listdir(tmp_path / 'out')) == ['data.js', 'index.html', 'report.css', 'report.js']
    # Beside one with rows, whose gallery is shown.
    written = write_html_report([alone, Run('a', read_result(result.folder))], tmp_path / 'out')
    assert [part['run'] for part in _data(written.index)['gallery']['runs']] == [1]
    with pytest.raises(
        ValueError, match=r'maps\.npz: the result has no rows of images to show maps of: leave maps out'
    ):
        write_html_report([Run('b', read_result(second), MapFile(result.maps))], tmp_path / 'out')
    with pytest.raises(ValueError, match='needs one result at least'):
        write_html_report([], tmp_path / 'out')


def test_a_report_stays_until_the_next_is_complete(result, write):
    index = write()
    before = index.with_name('data.js').read_text()

    def stop(drawn, total):
        yield next(iter(drawn))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(with_maps=False, progress=stop)
    assert index.with_name('data.js').read_text() == before
    assert not [name for name in os.listdir(result.folder) if name.startswith('.')]
    write(with_maps=False)
    assert index.with_name('data.js').read_text() != before
    assert not (index.parent / 'maps').exists()


def test_arguments(result):
    for wrong in (dict(thumbnail_size=8), dict(workers=-1), dict(max_images=0)):
        with pytest.raises(ValueError, match='at least'):
            write_html_report([Run('tiny', read_result(result.folder))], result.folder / 'html', **wrong)


def test_the_colours_of_a_map():
    from matplotlib import colormaps

    score_map = np.array([[-2.0, 0.0], [1.0, 2.0]])
    coloured = color_map(score_map, (2, 2)) / 255
    expected = colormaps['viridis'](np.round((score_map + 2) / 4 * 255).astype(int))[..., :3]
    np.testing.assert_allclose(coloured, expected, atol=1 / 255)
    for flat in (np.ones((2, 2)), np.full((2, 2), np.nan)):
        assert len(np.unique(color_map(flat, (4, 4)).reshape(-1, 3), axis=0)) == 1


def test_an_image_is_not_enlarged(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((30, 40, 3), np.uint8))
    assert draw(Job(0, tmp_path / 'a.png', tmp_path / 'b.jpg', 320)).size == (40, 30)
    assert cv2.imread(str(tmp_path / 'b.jpg')).shape == (30, 40, 3)


def test_a_killed_process(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, 'draw', _die)
    jobs = iter([Job(0, tmp_path / 'a.png', tmp_path / 'b.jpg', 320)])
    with pytest.raises(ChildProcessError, match='was killed'):
        list(draw_all(jobs, workers=1))


def _die(job):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    'paths, folder',
    [
        (['/a/b/1.jpg', '/a/b/c/2.jpg'], '/a/b/'),
        (['/a/b1/1.jpg', '/a/b2/1.jpg'], '/a/'),
        (['1.jpg', '2.jpg'], ''),
        (['/1.jpg', '/2.jpg'], '/'),
        (['x/1.jpg'], 'x/'),
    ],
)
def test_the_common_folder(paths, folder):
    assert common_folder(paths) == folder


@pytest.mark.parametrize('names', [['images/a.jpg'], ['maps/a.npy'], ['index.html'], ['index.html', 'images/a.jpg']])
def test_folders_with_names_of_ours_stay(tmp_path, names):
    """Such as one of somebody's images."""
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('precious')
    with pytest.raises(ValueError, match='is no report, for there is'):
        check_replaceable(tmp_path)
    assert (tmp_path / names[0]).read_text() == 'precious'


def test_boxes_stand_on_a_photograph_that_exif_turns(tmp_path):
    """The pipelines do not turn it, so nor must the picture; with the sides of a turned one it is turned."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x112] = 6
    Image.new('RGB', (20, 10)).save(tmp_path / 'a.jpg', exif=exif)
    for size, shape in ((None, (20, 10)), ((20, 10), (20, 10)), ((10, 20), (10, 20))):
        drawn = draw(Job(0, tmp_path / 'a.jpg', tmp_path / 'small.jpg', 20, size))
        assert drawn.size == shape
        with Image.open(tmp_path / 'small.jpg') as small:
            assert small.size == shape


def test_no_picture_leaves_the_folder(result, tmp_path):
    """A kind of map names a folder of the page."""
    with zipfile.ZipFile(result.maps) as old, zipfile.ZipFile(tmp_path / 'odd.npz', 'w') as new:
        for name in old.namelist():
            content = old.read(name)
            if name == 'maps.json':
                content = content.replace(b'"attention"', b'"../../../x"')
            new.writestr(name.replace('attention', '../../../x'), content)
    with pytest.raises(ValueError, match=r"odd\.npz: .*'\.\./\.\./\.\./x' cannot be the name of a kind of map"):
        MapFile(tmp_path / 'odd.npz')


def test_markup_in_names_is_data(result, write):
    """The page inserts texts, and no part of it makes markup or code of a text."""
    report = json.loads((result.folder / 'report.json').read_text())
    name = '</script><script>marker()</script><img src=x onerror=marker()>\u2028'
    report['origin']['config'] = report['results'][0]['map_kind'] = name
    (result.folder / 'report.json').write_text(json.dumps(report))
    index = write(with_maps=False)
    text = (index.parent / 'data.js').read_text()
    assert text.count('\n') == 1 and text.isascii()
    assert _data(index)['runs'][0]['origin']['config'] == name
    script = (index.parent / 'report.js').read_text()
    for way in ('innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval(', 'Function(', 'DOMParser'):
        assert way not in script
    assert 'marker' not in index.read_text()


def test_true_boxes_that_are_not_finite(result, tmp_path):
    samples = _samples(result.maps)
    samples[3]['gt_instances']['bboxes'][0, 0] = float('inf')
    maps = _save(tmp_path / 'odd.npz', samples)
    with pytest.raises(ValueError, match=r'odd\.npz: a true box of .*03 #%\.jpg is not finite'):
        write_html_report([Run('tiny', read_result(result.folder), maps)], tmp_path / 'out')
