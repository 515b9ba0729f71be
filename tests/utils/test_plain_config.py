"""The config within a checkpoint is data."""

import sys

import pytest
from mmengine.config import Config

from mmtscam.registry import MODELS
from mmtscam.utils.plain_config import plain_config


def test_the_text_that_mmengine_writes(tiny_config, repo):
    read = plain_config(tiny_config.pretty_text)
    assert read.to_dict() == Config.fromstring(tiny_config.pretty_text, '.py').to_dict()
    whole = Config.fromfile(repo / 'configs' / 'tscam_deit-s_cub.py')
    assert plain_config(whole.pretty_text).to_dict() == Config.fromstring(whole.pretty_text, '.py').to_dict()


def test_plain_values():
    text = "a = dict(b=[1, -2.5, (None, True)], c={'d e': 'x', 3: ()})\nf = {1, 2}\n"
    assert plain_config(text).to_dict() == dict(a=dict(b=[1, -2.5, (None, True)], c={'d e': 'x', 3: ()}), f={1, 2})


@pytest.mark.parametrize(
    'text',
    [
        "open('marker', 'w')",
        "a = open('marker', 'w')",
        "a = [dict(b=open('marker', 'w'))]",
        "a = dict(**open('marker', 'w'))",
        "a = {**open('marker', 'w')}",
        "import os\nos.mkdir('marker')",
        "def a(): open('marker', 'w')",
        "a = f'{open(1)}'",
        'a.b = 1',
        'a = b = 1',
        "_base_ = './marker.py'\nfor a in b: pass",
    ],
)
def test_nothing_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'marker.py').write_text("open('marker', 'w')")
    with pytest.raises(ValueError):
        plain_config(text)
    assert [path.name for path in tmp_path.iterdir()] == ['marker.py']


def test_nothing_is_imported(tmp_path, monkeypatch):
    """mmengine imports modules and calls functions by the names of types."""
    (tmp_path / 'mmtscam_marker.py').write_text('raise SystemExit(1)\nclass Part: pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    for text, said in (
        ("custom_imports = dict(imports=['mmtscam_marker'])", "asks for the module 'mmtscam_marker': import it"),
        ("custom_imports = dict(imports='mmtscam_marker')", "asks for the module 'mmtscam_marker': import it"),
        ("default_scope = 'mmtscam_marker'", "asks for the package 'mmtscam_marker'"),
        ("a = [dict(_scope_='mmtscam_marker')]", "asks for the package 'mmtscam_marker'"),
        ("model = dict(type='mmtscam_marker.Part')", "a part 'mmtscam_marker.Part' that is not registered"),
        ("a = dict(b=[dict(type='builtins.print')])", "a part 'builtins.print' that is not registered"),
        ("a = dict(type='mmengine.mkdir_or_exist')", 'not registered'),
        ("a = dict(type='os')", 'not registered'),
        ('a = dict(type=3)', 'not registered'),
    ):
        with pytest.raises(ValueError, match=said):
            plain_config(text)
    assert 'mmtscam_marker' not in sys.modules


def test_registered_parts_under_all_their_names():
    kinds = ('TSCAMHead', 'mmtscam.TSCAMHead', 'mmtscam.models.heads.TSCAMHead', 'mmpretrain.ImageClassifier', 'SGD')
    cfg = plain_config(
        f"custom_imports = dict(imports=['mmtscam.registry'])\na = {[dict(type=kind) for kind in kinds]!r}"
    )
    assert tuple(each.type for each in cfg.a) == kinds


def test_parts_of_the_user_that_are_imported():
    @MODELS.register_module()
    class OwnPart:
        pass

    try:
        assert plain_config("a = dict(type='OwnPart')").a.type == 'OwnPart'
    finally:
        del MODELS.module_dict['OwnPart']
