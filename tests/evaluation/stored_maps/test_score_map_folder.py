import cv2
import numpy as np
import pytest

from mmtscam.datasets import WSOLDataset
from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP
from mmtscam.evaluation.samples import true_class_map
from mmtscam.evaluation.stored_maps import ScoreMapFolder
from mmtscam.localization import PROTOCOLS, normalize_map

AS_IT_STANDS = dict(base='wsol-v2', normalize=False)
METRICS = {
    'LocAccuracy': lambda protocol: LocAccuracy(protocol, 0.4),
    'MaxBoxAcc': lambda protocol: MaxBoxAcc(protocol, step=0.05),
    'PixelAP': lambda protocol: PixelAP(protocol, step=0.05),
}


class Stored:
    """Samples in the benchmark's layout under a root."""

    def __init__(self, root, samples):
        self.root, self.maps, self.metadata = root, root / 'maps', root / 'metadata'
        self.ids = [f'{int(sample["gt_label"])}/{index}.jpg' for index, sample in enumerate(samples)]
        for folder in (self.metadata, *{(self.maps / name).parent for name in self.ids}):
            folder.mkdir(parents=True, exist_ok=True)
        lines = {name: [] for name in ('image_ids', 'class_labels', 'image_sizes', 'localization')}
        for name, sample in zip(self.ids, samples, strict=True):
            height, width = sample['ori_shape']
            lines['image_ids'].append(name)
            lines['class_labels'].append(f'{name},{int(sample["gt_label"])}')
            lines['image_sizes'].append(f'{name},{width},{height}')
            for box in sample['gt_instances']['bboxes'].tolist():
                lines['localization'].append(','.join([name, *map(repr, box)]))
            np.save(self.map_file(name), true_class_map(sample, 'maps'))
        for name, rows in lines.items():
            (self.metadata / f'{name}.txt').write_text('\n'.join(rows) + '\n')

    def map_file(self, image_id):
        return self.maps / f'{image_id}.npy'

    def open(self, **truth):
        truth = truth or dict(boxes=dict(type='BenchmarkBoxes', metadata=str(self.metadata)))
        fast = dict(serialize_data=False)  # spares a garbage collection
        dataset = dict(type='WSOLBenchmark', data_root=str(self.root), metadata=str(self.metadata), **fast)
        return ScoreMapFolder(self.maps, WSOLDataset(dataset=dataset, test_mode=True, **fast, **truth))


@pytest.fixture
def stored(samples, tmp_path):
    return Stored(tmp_path, samples)


def _without_scores(samples):
    """Only the maps of other code are known."""
    return [{key: value for key, value in sample.items() if key != 'pred_score'} for sample in samples]


@pytest.mark.parametrize('protocol', ['wsol-v1', 'tscam'])
@pytest.mark.parametrize('kind', ['LocAccuracy', 'MaxBoxAcc'])
def test_boxes_as_live(samples, stored, evaluate, kind, protocol):
    live, folder = METRICS[kind](protocol), METRICS[kind](protocol)
    expected = evaluate(live, _without_scores(samples))
    assert evaluate(folder, stored.open()) == expected
    assert (folder.result.numbers, folder.result.curves) == (live.result.numbers, live.result.curves)
    assert [row['iou'] for row in folder.result.rows] == [row['iou'] for row in live.result.rows]
    assert 0 < expected.popitem()[1] < 100


@pytest.mark.parametrize('kind', ['LocAccuracy', 'MaxBoxAcc'])
def test_maps_in_the_frame_are_scored_as_they_stand(samples, stored, evaluate, kind):
    for name, sample in zip(stored.ids, samples, strict=True):
        np.save(stored.map_file(name), normalize_map(true_class_map(sample, 'maps'), PROTOCOLS['wsol-v2']))
    expected = evaluate(METRICS[kind]('wsol-v2'), _without_scores(samples))
    assert evaluate(METRICS[kind](AS_IT_STANDS), stored.open()) == expected
    np.save(stored.map_file(stored.ids[0]), np.zeros((224, 224)))  # and not stretched
    np.save(stored.map_file(stored.ids[1]), np.full((224, 224), 0.5))
    assert evaluate(METRICS[kind](AS_IT_STANDS), stored.open()) != expected


def test_masks_as_live(samples, stored, evaluate):
    for name, sample in zip(stored.ids, samples, strict=True):
        path = stored.root / 'masks' / f'{name[:-4]}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        trimap = {0: 2, 1: 1, 255: 3}
        cv2.imwrite(str(path), np.vectorize(trimap.get)(sample['gt_sem_seg']['sem_seg'][0].numpy()).astype(np.uint8))
    maps = stored.open(masks=dict(type='MaskImages', mask_dir='masks', convention='trimap', img_prefix=''))
    assert evaluate(METRICS['PixelAP']('wsol-v2'), maps) == evaluate(METRICS['PixelAP']('wsol-v2'), samples)
    assert 'gt_instances' not in next(iter(maps))


def test_what_is_read(samples, stored):
    maps = stored.open()
    assert len(maps) == 16
    assert list(maps.image_ids()) == list(stored.ids)
    for _ in range(2):  # it can be read again
        read = list(maps)
        assert [sample['img_id'] for sample in read] == list(range(16))
        assert [sample['image_id'] for sample in read] == list(maps.image_ids())
    for sample, live in zip(read, samples, strict=True):
        assert sample['ori_shape'] == live['ori_shape']
        np.testing.assert_array_equal(true_class_map(sample, 'maps'), true_class_map(live, 'maps'))
        np.testing.assert_array_equal(sample['gt_instances']['bboxes'], live['gt_instances']['bboxes'])


def test_missing_folder(stored):
    stored.maps.rename(stored.root / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=f'^{stored.maps}: folder of score maps not found'):
        stored.open()


def test_missing_maps(stored):
    for name in stored.ids[3:6]:
        stored.map_file(name).unlink()
    message = rf'^{stored.map_file(stored.ids[3])}: score map not found \(3 of 16 are missing\)'
    with pytest.raises(FileNotFoundError, match=message):
        stored.open()


def test_without_the_sizes_of_the_images(stored):
    (stored.metadata / 'image_sizes.txt').unlink()
    with pytest.raises(ValueError, match=r'without image_sizes.txt in the metadata'):
        stored.open()


@pytest.mark.parametrize('content', [b'', b'text', b'\x93NUMPY\x01\x00'])
def test_a_file_that_is_no_array(stored, content):
    path = stored.map_file(stored.ids[1])
    path.write_bytes(content)
    reader = iter(stored.open())
    next(reader)
    with pytest.raises(ValueError, match=f'^{path}: not a stored array of numbers: '):
        next(reader)


def test_a_file_of_python_objects(stored):
    np.save(stored.map_file(stored.ids[0]), np.array([{}, None]))
    with pytest.raises(ValueError, match=f'^{stored.map_file(stored.ids[0])}: not a stored array of numbers: '):
        list(stored.open())


@pytest.mark.parametrize('kind', METRICS)
@pytest.mark.parametrize(
    ('score_map', 'message'),
    [
        (np.full((14, 14), 0.5), 'a map of shape (14, 14) with values from 0.5 to 0.5 cannot be scored as it stands'),
        (np.full((224, 225), 0.5), 'a map of shape (224, 225) with values from 0.5 to 0.5 cannot'),
        (np.full((224, 224), 1.5), 'a map of shape (224, 224) with values from 1.5 to 1.5 cannot'),
        (np.full((224, 224), -0.1), 'a map of shape (224, 224) with values from -0.1 to -0.1 cannot'),
        (np.full((224, 224), np.nan), 'a map of shape (224, 224) with values from nan to nan cannot'),
        (np.full((1, 224, 224), 0.5), 'a score map must be a non-empty (h, w) array, got shape (1, 224, 224)'),
        (np.zeros((0, 224)), 'a score map must be a non-empty (h, w) array, got shape (0, 224)'),
    ],
)
def test_a_map_that_cannot_be_scored_is_named(stored, kind, score_map, message):
    np.save(stored.map_file(stored.ids[0]), score_map)
    sample = next(iter(stored.open()))
    sample['gt_sem_seg'] = dict(sem_seg=np.ones((1, 5, 5), np.uint8))
    with pytest.raises(ValueError) as caught:
        METRICS[kind](AS_IT_STANDS).process({}, [sample])
    assert str(caught.value).startswith(f'{stored.ids[0]}: {message}')
