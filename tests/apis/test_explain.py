"""Explanations of a model, against the model itself and against plain computation."""

import threading
import time

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image
from tscam_models import BACKBONES, DEIT, NUM_CLASSES, PATCH, WIDTH, build_model, randomise

from mmtscam.apis.explain import Explainer
from mmtscam.localization import explicit_attention
from mmtscam.registry import MODELS

CNN = dict(type='CAMVGG', depth=11, num_classes=-1, with_last_pool=False)
NAMES = ('Little_Tern', 'Common_Gull', 'Möwe', '7', 'Auk', 'Rail')


def _config(backbone, head, size=(96, 64), **head_settings):
    pipeline = [dict(type='LoadResizedImage', scale=size), dict(type='PackLocInputs')]
    return Config(
        dict(
            model=dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=[120.0], std=[60.0], to_rgb=True),
                backbone=backbone,
                head=dict(type=head, num_classes=NUM_CLASSES, topk=2, **head_settings),
            ),
            test_dataloader=dict(
                dataset=dict(
                    type='WSOLDataset',
                    dataset=dict(type='mmpretrain.CustomDataset', metainfo=dict(classes=NAMES)),
                    pipeline=pipeline,
                )
            ),
        )
    )


def _explainer(tmp_path, cfg, meta=None, **kwargs):
    model = MODELS.build(cfg.model.to_dict())
    randomise(model)
    torch.save({'state_dict': model.state_dict(), **(meta or {})}, tmp_path / 'model.pth')
    return Explainer(cfg, tmp_path / 'model.pth', **kwargs)


def _tscam(tmp_path, backbone='deit', meta=None, **settings):
    head = dict(in_channels=WIDTH, **(dict(pooled_channels=32) if backbone == 'conformer' else {}))
    return _explainer(tmp_path, _config({**BACKBONES[backbone], **settings}, 'TSCAMHead', **head), meta)


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    pixels = cv2.resize(pixels, (90, 70), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / 'bird.png'), pixels)
    return tmp_path / 'bird.png'


def _predicted(explainer, image):
    """The sample that the model itself fills in."""
    packed = explainer._pipeline(dict(img_path=str(image), img_id=0))
    return explainer.model.test_step(pseudo_collate([packed]))[0]


@pytest.mark.parametrize('backbone', ['deit', 'conformer'])
def test_as_the_model_predicts(tmp_path, image, backbone):
    explainer = _tscam(tmp_path, backbone)
    seen = explainer.explain(image, topk=2)
    sample = _predicted(explainer, image)
    assert np.allclose(seen.scores, sample.pred_score, atol=1e-6)
    assert np.allclose(np.exp(seen.logits) / np.exp(seen.logits).sum(), seen.scores, atol=1e-6)
    assert list(seen.labels) == sample.class_maps.labels.tolist()
    assert set(seen.maps) == {'attention', 'semantic', 'coupled'} and seen.map_kind == 'coupled'
    for kind, maps in seen.maps.items():
        assert np.allclose(maps, sample.class_maps[kind], atol=1e-5)
    assert np.array_equal(np.concatenate(seen.boxes['coupled']), sample.pred_instances.bboxes)
    assert np.array_equal(seen.image, cv2.imread(str(image))[..., ::-1])
    # In the image's pixels.
    assert all(
        (boxes >= 0).all() and (boxes <= [90, 70, 90, 70]).all() for found in seen.boxes.values() for boxes in found
    )


@pytest.mark.parametrize('backbone', ['deit', 'conformer'])
def test_layers_average_to_the_attention(tmp_path, image, backbone):
    seen = _tscam(tmp_path, backbone).explain(image)
    patch = PATCH[backbone]
    assert seen.layers.shape == (3, 64 // patch, 96 // patch) and seen.blocks == (0, 1, 2)
    mean = sum(np.float64(layer) for layer in seen.layers) / 3
    assert np.allclose(seen.maps['attention'][0], mean, atol=1e-6)
    for kind_map, attention, semantic in zip(
        *(seen.maps[k] for k in ('coupled', 'attention', 'semantic')), strict=True
    ):
        assert np.allclose(kind_map, attention * semantic, atol=1e-6)


def test_layers_are_rows_of_the_attention_matrices(tmp_path, image):
    explainer = _tscam(tmp_path)
    matrices = []

    def watch(module, inputs):
        x = inputs[0]
        qkv = module.qkv(x).unflatten(-1, (3, module.num_heads, module.head_dims))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        matrices.append(explicit_attention(query, key, value)[1])

    for block in explainer.backbone.layers:
        block.attn.register_forward_pre_hook(watch)
    seen = explainer.explain(image)
    for layer, matrix in zip(seen.layers, matrices, strict=True):
        assert np.allclose(layer.ravel(), matrix[0, :, 0, 1:].mean(dim=0), atol=1e-6)


def test_chosen_classes(tmp_path, image):
    explainer = _tscam(tmp_path)
    every = explainer.explain(image, range(NUM_CLASSES))
    seen = explainer.explain(image, [4, 1])
    assert seen.labels == (4, 1)
    for kind, maps in seen.maps.items():
        assert np.allclose(maps, every.maps[kind][[4, 1]], atol=1e-6)
        for boxes, label in zip(seen.boxes[kind], (4, 1), strict=True):
            assert np.array_equal(boxes, every.boxes[kind][label])
    assert len(explainer.explain(image, topk=100).labels) == NUM_CLASSES
    for labels, message in (([6], 'class 6 is outside the 6 classes'), ([-1], 'class -1'), ([1, 1], 'different')):
        with pytest.raises(ValueError, match=message):
            explainer.explain(image, labels)


def test_a_network_without_attention(tmp_path, image):
    explainer = _explainer(tmp_path, _config(CNN, 'CAMHead', in_channels=512))
    seen = explainer.explain(image)
    assert set(seen.maps) == {'semantic'} and seen.layers is None and seen.blocks == ()
    assert np.array_equal(seen.boxes['semantic'][0], _predicted(explainer, image).pred_instances.bboxes[:1])
    assert str(explainer) == 'the config (CAMVGG with CAMHead)'
    (name, tokens), *rest = explainer.tokens(image).items()
    assert (name, tokens.shape, rest) == ('last feature map', (4 * 6, 512), [])
    with pytest.raises(ValueError, match='CAMVGG has 0 transformer blocks, and block 1 is none of them: name submod'):
        explainer.tokens(image, [0])


def test_a_class_token_that_classifies(tmp_path, image):
    seen = _explainer(tmp_path, _config(DEIT, 'ClassTokenHead', in_channels=WIDTH)).explain(image)
    assert set(seen.maps) == {'attention'} and seen.map_kind == 'attention'
    assert len(seen.layers) == 3


def test_merged_blocks(tmp_path, image):
    seen = _tscam(tmp_path, attn_aggregation='rollout').explain(image)
    assert seen.layers is None and seen.blocks == () and 'attention' in seen.maps
    assert _tscam(tmp_path, attn_layers=[0, -1]).explain(image).blocks == (0, 2)


@pytest.mark.parametrize('backbone', ['deit', 'conformer', 'sat'])  # SAT has a token after the patches
def test_tokens_of_blocks(tmp_path, image, backbone):
    explainer = _tscam(tmp_path, backbone)
    patches = (64 // PATCH[backbone]) * (96 // PATCH[backbone])
    tokens = explainer.tokens(image)
    assert list(tokens) == ['block 1', 'block 2', 'block 3']
    assert all(value.shape == (patches, WIDTH) for value in tokens.values())
    # The last block's tokens, normalised, are what the head is given.
    final = explainer.backbone.trans_norm if backbone == 'conformer' else explainer.backbone.ln1
    features, _, _ = explainer._extract(image)
    with torch.no_grad():
        normalised = final(torch.from_numpy(tokens['block 3']))
    assert torch.allclose(normalised, features.patches[0].flatten(1).T, atol=1e-5)
    own = (final, getattr(explainer.backbone, 'pre_norm', None))  # the backbones' own hooks are there
    assert not any(module._forward_hooks for module in explainer.backbone.modules() if module not in own)


def test_tokens_of_named_modules(tmp_path, image):
    explainer = _tscam(tmp_path, 'conformer')
    tokens = explainer.tokens(image, ['conv_1', -1, 'trans_norm'])
    assert {name: value.shape for name, value in tokens.items()} == {
        'conv_1': (16 * 24, 8), 'block 3': (24, WIDTH), 'trans_norm': (24, WIDTH)
    }  # fmt: skip
    for block, message in (
        (3, 'has 3 transformer blocks, and block 4 is none of them'),
        (-4, 'and block -4 is none'),
        ('conv_9', "has no submodule 'conv_9'; its children are conv1, "),
        ('', "no submodule ''"),
        ('conv_trans_2', 'conv_trans_2: puts out tuple, neither the tokens'),
    ):
        with pytest.raises(ValueError, match=f'the config: .*{message}'):
            explainer.tokens(image, [block])


def test_names_of_classes(tmp_path):
    explainer = _tscam(tmp_path)
    assert explainer.classes == NAMES
    for name, label in (('Little_Tern', 0), ('common gull', 1), ('MÖWE', 2), ('7', 3), ('4', 4), (5, 5)):
        assert explainer.find_class(name) == label
    assert [explainer.class_name(label) for label in (0, 2)] == ['Little Tern', 'Möwe']
    with pytest.raises(ValueError, match=r"class 'gull': not among the 6 classes .* did you mean .*Common_Gull"):
        explainer.find_class('gull')
    with pytest.raises(ValueError, match="class 'swan': not among the 6 classes of the model"):
        explainer.find_class('swan')
    with pytest.raises(ValueError, match='class 8: the model has the classes 0 to 5'):
        explainer.find_class('8')


def test_names_in_the_checkpoint_come_first(tmp_path):
    names = ['a', 'b', 'c', 'd', 'e', 'f']
    assert _tscam(tmp_path, meta=dict(meta=dict(dataset_meta=dict(classes=names)))).classes == tuple(names)
    # Unless they are those of another number of classes.
    explainer = _tscam(tmp_path, meta=dict(meta=dict(dataset_meta=dict(classes=['a', 'b']))))
    assert explainer.classes[0] == 'Little_Tern'


def test_boxes_of_the_data_set(sample_set, tmp_path):
    cfg = _config(DEIT, 'TSCAMHead', in_channels=WIDTH)
    explainer = _explainer(tmp_path, cfg)
    path = next((sample_set / 'images').rglob('*.jpg'))
    with pytest.raises(ValueError, match=r'knows no true boxes: set test_dataloader\.dataset\.boxes'):
        explainer.true_boxes(path)
    cfg.test_dataloader.dataset.boxes = dict(type='CUBBoxes')
    cfg.test_dataloader.dataset.dataset.data_root = str(sample_set)
    explainer = _explainer(tmp_path, cfg)
    ids = dict(line.split()[::-1] for line in (sample_set / 'images.txt').read_text().splitlines())
    rows = dict(line.split(maxsplit=1) for line in (sample_set / 'bounding_boxes.txt').read_text().splitlines())
    x, y, width, height = map(float, rows[ids[str(path.relative_to(sample_set / 'images'))]].split())
    assert explainer.true_boxes(path, 0).tolist() == [[x, y, x + width, y + height]]


def test_a_rotated_photograph_is_seen_as_the_pipeline_reads_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'a.jpg', exif=exif)
    cfg = _config(DEIT, 'TSCAMHead', in_channels=WIDTH)
    assert _explainer(tmp_path, cfg).explain(tmp_path / 'a.jpg').image.shape == (40, 60, 3)
    steps = [dict(type='mmpretrain.LoadImageFromFile'), dict(type='mmpretrain.Resize', scale=(96, 64))]
    cfg.test_dataloader.dataset.pipeline = [*steps, dict(type='PackLocInputs')]
    assert _explainer(tmp_path, cfg).explain(tmp_path / 'a.jpg').image.shape == (60, 40, 3)


def test_images_that_cannot_be_read(tmp_path, image):
    explainer = _tscam(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'none\.jpg: image not found'):
        explainer.explain(tmp_path / 'none.jpg')
    (tmp_path / 'text.jpg').write_text('no image')
    with pytest.raises(ValueError, match=r'text\.jpg: cannot be read, or transformed by the test pipeline: '):
        explainer.explain(tmp_path / 'text.jpg')


def test_models_that_do_not_localise(tmp_path):
    cfg = _config(DEIT, 'TSCAMHead', in_channels=WIDTH)
    del cfg.test_dataloader.dataset.pipeline
    with pytest.raises(ValueError, match=r'the config: has no pipeline for an image: set test_dataloader\.dataset\.pi'):
        _explainer(tmp_path, cfg)
    cfg = _config(dict(type='mmpretrain.VisionTransformer', **{k: v for k, v in DEIT.items() if k != 'type'}), 'X')
    cfg.model.head = dict(
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=3,
        in_channels=WIDTH,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
    )
    with pytest.raises(ValueError, match='its head, VisionTransformerClsHead, makes no maps'):
        _explainer(tmp_path, cfg)


def test_a_model_of_the_tests_as_it_is(tmp_path, image):
    """Weights come from the checkpoint, all of them."""
    model = build_model()
    torch.save(model.state_dict(), tmp_path / 'bare.pth')
    loaded = Explainer(_config(DEIT, 'TSCAMHead', in_channels=WIDTH), tmp_path / 'bare.pth').model
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_threads_take_turns(tmp_path, image):
    explainer = _tscam(tmp_path)
    maps, tokens = explainer.explain(image, labels=[2]).maps, explainer.tokens(image)
    explainer.backbone.layers[0].register_forward_hook(lambda *args: time.sleep(0.01))  # the others run meanwhile
    found, errors = [], []

    def work(number):
        try:
            if number % 2:
                found.append((explainer.tokens(image), tokens))
            else:
                found.append((explainer.explain(image, labels=[2]).maps, maps))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(found) == 6
    assert all(np.array_equal(ours[name], theirs[name]) for ours, theirs in found for name in theirs)


def test_weights_of_half_precision(tmp_path, image):
    explainer = _tscam(tmp_path)
    whole = explainer.explain(image)
    explainer.model.half()
    assert np.allclose(explainer.explain(image).scores, whole.scores, atol=1e-2)
