import pytest

from mmtscam.evaluation.comparison import (
    Method,
    Plan,
    check_settings,
    comparison_csv,
    comparison_table,
    numbers_of,
    read_plan,
    settings_of,
)

PLAN = """
title = 'Title'
seeds = (1, 2)
columns = {'GT-known Loc': '{protocol}/gt_known', 'V2': 'wsol-v2/max'}
methods = [
    dict(name='SEM on CAM', config='sem.py', checkpoint_of='CAM'),
    dict(name='CAM', config='cam.py', options={'a.b': 1}),
    dict(name='RCAM, own', config='rcam.py', protocol='rcam'),
]
"""


def read(tmp_path, text):
    for name in ('sem', 'cam', 'rcam'):
        (tmp_path / f'{name}.py').write_text('train_cfg = dict(max_epochs=3)\na = dict(b=0, c=[1, 2])\n')
    (tmp_path / 'plan.py').write_text(text)
    return read_plan(tmp_path / 'plan.py')


def test_what_is_trained_comes_before_what_needs_it(tmp_path):
    plan = read(tmp_path, PLAN)
    assert [(method.name, seed) for method, seed in plan.runs()] == [
        ('CAM', 1), ('RCAM, own', 1), ('SEM on CAM', 1),
        ('CAM', 2), ('RCAM, own', 2), ('SEM on CAM', 2),
    ]  # fmt: skip
    sem, cam, rcam = plan.methods
    assert plan.trained(sem) is cam
    assert plan.trained(rcam) is rcam
    assert [method.folder for method in plan.methods] == ['sem-on-cam', 'cam', 'rcam-own']


def test_a_row_that_starts_from_another(tmp_path):
    later = "dict(name='I2C', config='cam.py', start_from={'load_from': 'CAM'}),\n    dict(name='CAM', config"
    plan = read(tmp_path, PLAN.replace("dict(name='CAM', config", later))
    assert [method.name for method, _ in plan.runs()][:4] == ['CAM', 'RCAM, own', 'I2C', 'SEM on CAM']
    i2c = next(method for method in plan.methods if method.name == 'I2C')
    found = settings_of(plan, i2c, 1, {})
    assert found['train: load_from'] == 'the checkpoint of CAM'
    assert 'test: load_from' not in found
    # Another CAM makes another I2C.
    later = later.replace("config='cam.py', options", 'options')
    other = read(tmp_path, PLAN.replace("dict(name='CAM', config", later).replace("{'a.b': 1}", "{'a.b': 2}"))
    i2c = next(method for method in other.methods if method.name == 'I2C')
    assert settings_of(other, i2c, 1, {}) != found


def test_numbers_are_found_under_the_rows_own_protocol():
    def result(name, **numbers):
        return dict(name=name, numbers=[dict(key=key, value=value) for key, value in numbers.items()])

    report = dict(results=[result('tscam', gt_known=50.0), result('rcam', gt_known=60.0), result('wsol-v2', max=70.0)])
    columns = {'GT': '{protocol}/gt_known', 'V2': 'wsol-v2/max', 'not there': 'x/y'}
    assert numbers_of(report, columns, Method('CAM', 'cam.py')) == {'GT': 50.0, 'V2': 70.0}
    assert numbers_of(report, columns, Method('RCAM', 'x.py', protocol='rcam')) == {'GT': 60.0, 'V2': 70.0}


def test_table_has_means_and_ranges():
    plan = Plan('Title', (Method('A', 'a.py'), Method('B', 'b.py'), Method('C', 'c.py')), (1, 2), {'x': '', 'y': ''})
    found = {('A', 1): dict(x=1.0, y=2.04), ('A', 2): dict(x=4.0, y=2.06), ('B', 2): dict(y=7.0)}
    assert comparison_table(plan, found).splitlines() == [
        'Title',
        '',
        '|  | x | y | seeds |',
        '| --- | --- | --- | --- |',
        '| A | 2.5 (1.0 to 4.0) | 2.0 (2.0 to 2.1) | 2 |',
        '| B |  | 7.0 | 1 |',
        '| C |  |  | 0 |',
    ]
    assert comparison_csv(plan, found).splitlines() == ['method,seed,x,y', 'A,1,1.0,2.04', 'A,2,4.0,2.06', 'B,2,,7.0']


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("title = 'Title'\n", '', "plan.py: 'title' is missing"),
        (
            'options=',
            'option=',
            r"methods\[1\]: 'option' is none of checkpoint_of, config, name, options, protocol, start_from",
        ),
        ("config='cam.py', ", '', r"methods\[1\]: 'config' is missing"),
        ("checkpoint_of='CAM'", "checkpoint_of='Cam'", r"methods\[0\]: no row 'Cam' is trained"),
        ("protocol='rcam'", "start_from={'load_from': 'Cam'}", r"methods\[2\]: no row 'Cam' is trained"),
        (
            "options={'a.b': 1}),",
            "start_from={'a': 'RCAM, own'}), dict(name='I2C', config='cam.py', start_from={'a': 'CAM'}),",
            r"methods\[2\]: start_from: 'CAM' starts from another row itself",
        ),
        ("protocol='rcam'", "start_from='CAM'", "such as {'load_from': 'CAM'}, got 'CAM'"),
        ("protocol='rcam'", "start_from={'load_from': None}", 'start_from must be the keys of settings'),
        ("protocol='rcam'", "start_from={'': 'CAM'}", 'start_from must be the keys of settings'),
        ("checkpoint_of='CAM'", "checkpoint_of='CAM', start_from={'a': 'CAM'}", 'leave start_from out'),
        ('RCAM, own', 'cam!', r"methods\[1\]: 'CAM' does not differ enough"),
        ("name='CAM'", 'name=5', r'methods\[1\]: name must be a text, got 5'),
        ("{'a.b': 1}", "{'a': dict(b=1)}", r'methods\[1\]: options: name the settings in a one by one: a\.b'),
        ("{'a.b': 1}", "{'a.c': [dict(type='B')]}", r"options: a\.c: --cfg-options cannot hold \[{'type': 'B'}\]: set"),
        ("{'a.b': 1}", "{'a.b': {}}", r'options: a\.b: --cfg-options cannot hold {}: set it in a config'),
        ("{'a.b': 1}", "{'a.b': '1'}", r"options: a\.b: --cfg-options cannot hold '1'"),
        ("{'a.b': 1}", "{'a.b': 'x,y'}", r"options: a\.b: --cfg-options cannot hold 'x,y'"),
        ("{'a.b': 1}", "{'a.b': '[(1]'}", r"options: a\.b: --cfg-options cannot hold '\[\(1\]'"),
        ('(1, 2)', '1', 'seeds must be whole numbers, one at least, got 1'),
        ('(1, 2)', '(1, 2, 1)', r'plan\.py: seeds: 1 is there twice, and one run would count as two: name it once'),
        ('(1, 2)', '()', 'seeds must be whole numbers, one at least'),
        ('{protocol}', '{protocl}', "columns: 'GT-known Loc': must be a heading and PREFIX/KEY"),
        ("'wsol-v2/max'", "'max'", "columns: 'V2': must be a heading and PREFIX/KEY, got 'max'"),
        ("title = 'Title'", 'title = 3', 'title must be a text, got 3'),
        (
            "{'GT-known Loc': '{protocol}/gt_known', 'V2': 'wsol-v2/max'}",
            "['a']",
            r"columns must be a dict, got \['a'\]",
        ),
        ("    dict(name='CAM'", "    3, dict(name='CAM'", r'methods\[1\]: must be a dict, got 3'),
        ("config='cam.py'", 'config=None', r'methods\[1\]: config must be a text, got None'),
        ("checkpoint_of='CAM'", 'checkpoint_of=3', r'methods\[0\]: checkpoint_of must be a text, got 3'),
        ("{'a.b': 1}", '3', r'methods\[1\]: options must be a dict, got 3'),
    ],
)
def test_a_plan_that_cannot_be_followed(tmp_path, old, new, message):
    assert old in PLAN
    with pytest.raises(ValueError, match=message):
        read(tmp_path, PLAN.replace(old, new))


def test_a_config_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'methods\[0\]: .*other\.py: config file not found'):
        read(tmp_path, PLAN.replace('sem.py', 'other.py'))


def test_a_folder_of_other_settings_is_refused(tmp_path):
    plan = read(tmp_path, PLAN)
    sem, cam, _ = plan.methods
    settings = settings_of(plan, sem, 1, {})
    assert settings['seed'] == 1
    assert settings['train: a.b'] == '1'
    assert (settings['test: a.b'], settings['test: a.c.1']) == ('0', '2')
    folder = tmp_path / 'runs' / 'sem_1'
    check_settings(folder, settings)
    check_settings(folder, settings_of(plan, sem, 1, {}))
    for other in (settings_of(plan, sem, 2, {}), settings_of(plan, cam, 1, {})):
        with pytest.raises(ValueError, match='sem_1 belongs to other settings'):
            check_settings(folder, other)
    with pytest.raises(ValueError, match=r'\(test: train_cfg.max_epochs was 3, now 1\): remove it, or name another'):
        check_settings(folder, settings_of(plan, sem, 1, {'train_cfg.max_epochs': 1}))


@pytest.mark.parametrize(
    ('content', 'said'),
    [(b'{"seed"', 'not a readable json file'), (b'\xff', 'not a readable json file'), (b'[]', 'holds no settings')],
)
def test_settings_that_cannot_be_read(tmp_path, content, said):
    (tmp_path / 'settings.json').write_bytes(content)
    with pytest.raises(ValueError, match=rf'settings\.json: {said}'):
        check_settings(tmp_path, {})


def test_names_cannot_break_the_table():
    name = '=1+1 | b\n| c'
    plan = Plan('T', (Method(name, 'a.py'),), (1,), {'x': 'a/x'})
    found = {(name, 1): {'x': 1.0}}
    assert comparison_table(plan, found).splitlines()[4] == r'| =1+1 &#124; b\n&#124; c | 1.0 | 1 |'
    assert comparison_csv(plan, found).splitlines()[1].startswith('"\'=1+1 | b')


def test_a_number_that_is_not_defined_is_left_out():
    numbers = [dict(key='a', value=None), dict(key='b', value=1.0)]
    report = dict(results=[dict(name='tscam', numbers=numbers)])
    assert numbers_of(report, {'A': 'tscam/a', 'B': 'tscam/b'}, Method('m', 'a.py')) == {'B': 1.0}
