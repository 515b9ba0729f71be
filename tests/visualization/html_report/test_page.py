"""The page in a real browser, from the file system."""

import importlib.resources
import json
from collections import Counter

import cv2
import numpy as np
import pytest

from mmtscam.evaluation.report_reader import RunResult, read_result
from mmtscam.evaluation.report_rows import Row
from mmtscam.evaluation.stored_maps import MapFile
from mmtscam.localization import Outcome
from mmtscam.structures import MapKind
from mmtscam.visualization.html_report import page as page_module
from mmtscam.visualization.html_report import write_html_report
from mmtscam.visualization.html_report.page import Shown, as_script, page_data
from mmtscam.visualization.html_report.runs import Run
from mmtscam.visualization.html_report.thumbnails import Drawn

pytestmark = pytest.mark.slow

ASSETS = importlib.resources.files(page_module.__package__) / 'assets'
CARD = '#cards li'


def _ious(view):
    """IoUs on the cards, in the order of the document."""
    return [
        float(text.split('IoU ')[1])
        for text in view.page.locator(f'{CARD} .caption > span:first-child').all_inner_texts()
    ]


def _at_gallery(view):
    view.page.evaluate('document.getElementById("gallery").scrollIntoView()')
    view.page.wait_for_selector(CARD)
    return view


def _settled(view, count):
    view.page.wait_for_function('count => document.getElementById("count").textContent.startsWith(count)', arg=count)


def _at_hash(view, *expected):
    """Events of the browser may come after the key that led to them."""
    view.page.wait_for_function('expected => expected.includes(location.hash)', arg=list(expected))


def test_summary_and_curves(show, write):
    view = show(write())
    assert view.text('h1') == 'Localization report: tiny.py'
    table = view.text('#figures')
    assert 'tscam-attention protocol tscam, map: attention, LocAccuracy' in table
    assert 'gt_known' in table and 'fixed' in table and 'maxboxacc_iou30' in table and 'oracle' in table
    assert view.count('.chart') == 3
    assert view.page.locator('.chart').nth(2).locator('circle').count() == 3
    # Values under the pointer, and with the keyboard.
    first = view.page.locator('.chart svg[role=img]').first
    first.hover()
    assert '%' in view.page.locator('.legend output').first.inner_text()
    first.focus()
    first.press('ArrowRight')
    assert 'at IoU' in view.page.locator('.chart h3').first.inner_text()
    view.page.locator('details summary').click()
    assert '"iou_levels"' not in view.text('#origin') and 'iou_levels' in view.text('#origin')


def test_filters_and_address(show, write):
    index = write()
    view = _at_gallery(show(index))
    assert view.text('#count') == '12 images'
    assert view.count(CARD) == 12
    view.page.get_by_label('wrong class 3').check()
    _settled(view, '3 of 12')
    assert view.count(CARD) == 3
    view.page.locator('#true').select_option(label='bee')
    _settled(view, '1 of 12')
    assert view.page.locator(CARD).inner_text().split('\n')[1:] == ['bee', '→ cat']
    view.page.get_by_role('button', name='Reset filters').click()
    _settled(view, '12 images')
    view.page.get_by_label('Predicted class').select_option(label='bee')
    _settled(view, '4 of 12')
    view.page.get_by_label('Path has').fill('0/0')
    _settled(view, '1 of 12')
    view.page.get_by_label('Path has').fill('')
    view.page.get_by_label('Sort by').select_option('high')
    view.page.wait_for_function('location.hash.includes("sort=high")')
    ious = _ious(view)
    assert ious == sorted(ious, reverse=True)
    above = [iou for iou in ious if iou > ious[-1] + 0.02]
    assert 0 < len(above) < 4
    view.page.get_by_label('IoU from').fill(str(above[-1] - 0.01))
    _settled(view, f'{len(above)} of 12')
    view.page.get_by_label('Sort by').select_option('low')
    view.page.wait_for_function('location.hash.includes("sort=low")')
    # The same again from the address.
    again = _at_gallery(show(index, view.hash()))
    assert again.text('#count') == f'{len(above)} of 12 images'
    assert _ious(again) == above[::-1]
    assert again.page.get_by_label('Predicted class').input_value() == '1'
    # And from another address in the same page.
    again.page.evaluate('location.hash = "outcome=right&max=1"')
    again.page.wait_for_function('!document.getElementById("predicted").value')
    assert again.page.locator('#outcomes input:checked').count() == 1
    again.page.evaluate('location.hash = "outcome=nonsense&true=77&image=x&sort=?"')
    _settled(again, '12 images')


def test_the_table_sorts_and_sets_filters(show, write):
    view = show(write())
    assert view.page.locator('#heat tbody th').all_inner_texts() == ['all classes', '<b>ant</b> & "co"', 'bee', 'cat']
    heading = view.page.locator('#heat th[scope=col]')
    heading.first.get_by_role('button').click()
    assert view.page.locator('#heat tbody th').all_inner_texts()[1] == 'cat'
    assert heading.first.get_attribute('aria-sort') == 'descending'
    heading.nth(9).get_by_role('button').click()
    ious = [float(text) for text in view.page.locator('#heat tbody tr:not(.all) td:nth-child(10)').all_inner_texts()]
    assert len(ious) == 3 and ious == sorted(ious, reverse=True)
    view.page.get_by_role('button', name='bee, wrong class: show 1 images').click()
    _settled(view, '1 of 12')
    assert view.hash() == '#outcome=classification&true=1'
    view.page.get_by_role('button', name='cat (1)').click()
    assert view.hash() == '#true=1&predicted=2'


def test_maps_on_hover(show, write):
    view = _at_gallery(show(write()))
    cards = view.page.locator(CARD)
    view.page.locator('#count').hover()
    assert view.count('.heat') == 0
    cards.nth(1).hover()
    heat = cards.nth(1).locator('.heat')
    assert heat.get_attribute('src') == 'maps/0/coupled/000/000001.jpg'
    cards.nth(2).hover()
    assert view.count(f'{CARD} .heat') == 1
    view.page.get_by_label('Map on hover').select_option(label='attention A*')
    view.page.get_by_label('maps on all').check()
    view.page.wait_for_function('document.querySelectorAll("#cards .heat").length === 12')
    assert cards.nth(1).locator('.heat').get_attribute('src') == 'maps/0/attention/000/000001.jpg'
    view.page.get_by_label('boxes').uncheck()
    view.page.wait_for_function('location.hash.includes("boxes=0")')
    assert not cards.first.locator('svg').is_visible()


def test_the_large_view(show, write):
    index = write()
    view = _at_gallery(show(index))
    page = view.page
    page.locator(f'{CARD} button').first.click()
    dialog = page.get_by_role('dialog')
    assert dialog.get_by_role('heading').inner_text() == '<b>ant</b> & "co" → bee'
    captions = page.locator('#panels figcaption').all_inner_texts()
    own, other = ' of <b>ant</b> & "co"', ' of bee'
    assert captions == [
        'image', f'coupled map (scored){own}', 'attention A*', f'semantic map{own}', f'coupled map{other}',
        f'semantic map{other}',
    ]  # fmt: skip
    page.wait_for_function('[...document.querySelectorAll("#panels img")].every(image => image.naturalWidth > 0)')
    assert view.count('#panels .heat') == 5
    assert view.count('#panels rect.predicted') == view.count('#panels rect.truth') == 6
    facts = view.text('#facts')
    assert '00 #%.jpg' in facts and '0.200 (fixed)' in facts and '100 \u00d7 160' in facts
    assert page.get_by_role('button', name='Previous image').get_attribute('aria-disabled') == 'true'
    page.keyboard.press('ArrowRight')
    assert dialog.get_by_role('heading').inner_text() == 'bee'
    assert view.count('#panels figure') == 4
    _at_hash(view, '#image=1')
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('ArrowLeft')
    _at_hash(view, '#image=0')
    page.get_by_role('button', name='Next image').click()
    page.keyboard.press('Escape')
    dialog.wait_for(state='hidden')
    _at_hash(view, '', '#')
    # The focus is back at the image, and opens it again.
    page.wait_for_function('document.activeElement.closest("#cards")')
    page.keyboard.press('Enter')
    _at_hash(view, '#image=1')

    again = show(index, '#outcome=classification&image=4')
    assert again.page.get_by_role('dialog').get_by_role('heading').inner_text() == 'bee → cat'
    again.page.keyboard.press('ArrowRight')
    _at_hash(again, '#outcome=classification&image=8')
    assert again.page.get_by_role('button', name='Next image').get_attribute('aria-disabled') == 'true'


def test_without_maps(show, write, result):
    (result.images / '1' / '01 #%.jpg').unlink()
    view = _at_gallery(show(write(with_maps=False)))
    notices = view.text('#notices')
    assert 'Boxes only' in notices and '1 of 12 images could not be read' in notices
    assert not view.page.locator('#map').is_visible()
    assert not view.page.locator('#truth-key').is_visible()
    assert view.page.locator(CARD).nth(1).inner_text().startswith('image not found')
    view.page.locator(f'{CARD} button').nth(2).click()
    assert view.page.locator('#panels figcaption').all_inner_texts() == ['image']
    assert view.count('#panels rect.predicted') == 1 and view.count('#panels rect.truth') == 0


@pytest.fixture
def compared(result, second, tmp_path):
    """The page of three results, two of them seeds of a method."""
    runs = [
        Run('<i>a</i>', read_result(result.folder), MapFile(result.maps)),
        Run('<i>a</i>', read_result(result.folder, 'tscam-attention'), MapFile(result.maps)),
        Run('b', read_result(second)),
    ]
    return runs, write_html_report(runs, tmp_path / 'compared').index


def test_results_side_by_side(show, compared):
    runs, index = compared
    view = show(index)
    assert view.text('h1') == 'Localization report: <i>a</i>, b'
    assert '3 results · 12 images in common' in view.text('#subtitle')
    table = view.page.locator('#figures tr').all_inner_texts()
    assert table[0].split('\t') == ['result', '<i>a</i> #1', '<i>a</i> #2', '<i>a</i>, mean of 2', 'b']
    known = [
        next(number['value'] for number in run.result.chosen['numbers'] if number['name'] == 'gt_known') for run in runs
    ]
    line = next(row for row in table if row.startswith('gt_known')).split('\t')
    assert line[1].startswith(f'{known[0]:.2f} % at 0.200') and line[4].startswith(f'{known[2]:.2f} % at 0.900')
    mean, least, most = sum(known[:2]) / 2, min(known[:2]), max(known[:2])
    assert line[3] == f'{mean:.2f} ({least:.2f} to {most:.2f})'
    # A chart of each curve has a line of each result.
    first = view.page.locator('.chart').first
    assert first.locator('h3').inner_text().startswith('tscam, tscam-attention: accuracy over IoU, gt_known')
    assert first.locator('.legend li').all_inner_texts() == ['<i>a</i> #1', '<i>a</i> #2', 'b']
    colours = [path.get_attribute('style') for path in first.locator('svg[role=img] path').all()]
    assert [style.split(';')[0] for style in colours] == [f'stroke: var(--line-{line})' for line in (0, 0, 1)]
    assert len(set(colours)) == 3
    first.locator('svg[role=img]').hover()
    assert all('%' in text for text in first.locator('.legend output').all_inner_texts())


def test_where_results_differ(show, compared):
    runs, index = compared
    patterns = Counter(
        tuple(row.outcome == Outcome.RIGHT for row in rows)
        for rows in zip(*(run.result.rows for run in runs), strict=True)
    )
    differing = sum(count for pattern, count in patterns.items() if len(set(pattern)) > 1)
    assert 0 < differing < 12 and len(patterns) > 2
    view = _at_gallery(show(index))
    lines = [row.split('\t') for row in view.page.locator('#differences tbody tr').all_inner_texts()]
    found = {tuple('right' in cell for cell in line[:-1]): int(line[-1]) for line in lines}
    assert found == patterns
    view.page.locator('#agree').select_option(label='where results differ')
    _settled(view, f'{differing} of 12')
    _at_hash(view, '#agree=differ')
    for pattern, button in zip(found, view.page.locator('#differences button').all(), strict=True):
        button.click()
        _settled(view, f'{found[pattern]} of 12')
        marks = view.page.locator(CARD).first.locator('.mark')
        assert [mark.get_attribute('aria-label').endswith(': right') for mark in marks.all()] == list(pattern)
    # Each image has a box of each result.
    assert view.page.locator(CARD).first.locator('rect:not(.under, .truth)').count() == 3


def test_outcomes_and_maps_are_those_of_the_result_that_is_chosen(show, compared):
    runs, index = compared
    view = _at_gallery(show(index))
    assert view.text('#classes-note').startswith('<i>a</i> #1, tscam: ')
    assert _ious(view) == [round(row.iou, 2) for row in runs[0].result.rows]
    view.page.locator('#run').select_option(label='<i>a</i> #2')
    view.page.wait_for_function('location.hash === "#run=1"')
    assert view.text('#classes-note').startswith('<i>a</i> #2, tscam-attention: ')
    assert _ious(view) == [round(row.iou, 2) for row in runs[1].result.rows]
    view.page.locator(CARD).nth(1).hover()
    assert view.page.locator(CARD).nth(1).locator('.heat').get_attribute('src') == 'maps/1/attention/000/000001.jpg'
    view.page.locator('#run').select_option(label='b')
    view.page.wait_for_function('location.hash === "#run=2"')
    assert not view.page.locator('#map').is_visible()
    # The same again from the address; the large view has all results side by side.
    again = show(index, '#run=1&image=1')
    assert again.page.locator('#run').input_value() == '1'
    captions = again.page.locator('#panels figcaption').all_inner_texts()
    verdicts = [f'IoU {run.result.rows[1].iou:.2f}' for run in runs]
    assert captions[0] == 'image' and [caption.split(', ')[1] for caption in captions[1:4]] == verdicts
    assert [caption.split(': ')[0] for caption in captions[1:4]] == ['<i>a</i> #1', '<i>a</i> #2', 'b']
    again.page.wait_for_function('[...document.querySelectorAll("#panels img")].every(image => image.naturalWidth > 0)')
    sources = [source.get_attribute('src') for source in again.page.locator('#panels .heat').all()]
    assert sources[:2] == ['maps/0/coupled/000/000001.jpg', 'maps/1/attention/000/000001.jpg']


def test_doubts_are_said(show, result, second, tmp_path):
    report = json.loads((second / 'report.json').read_text())
    report['results'][0]['protocol']['iou_levels'] = [0.3]
    (second / 'report.json').write_text(json.dumps(report))
    runs = [Run('a', read_result(result.folder)), Run('b', read_result(second))]
    view = show(write_html_report(runs, tmp_path / 'out').index)
    assert view.text('#doubts') == 'tscam: a and b differ in their protocols, in iou_levels.'


@pytest.mark.parametrize('metric', ['MaxBoxAcc', 'PixelAP'])
def test_results_without_rows(show, result, second, tmp_path, metric):
    report = json.loads((second / 'report.json').read_text())
    report['results'] = report['results'][1:]
    if metric == 'PixelAP':
        curves = dict(precision_recall=dict(threshold=[0.1, 0.5], recall=[1.0, 0.5], precision=[0.4, None]))
        report['results'][0].update(metric=metric, curves=curves)
    (second / 'report.json').write_text(json.dumps(report))
    alone = Run('b', read_result(second))
    view = show(write_html_report([alone], tmp_path / 'out').index)
    assert view.text('h1') == 'Localization report: second.py'
    assert metric in view.text('#figures') and view.count('.chart') == 1
    assert not view.page.locator('#gallery, #classes, #agreement').filter(visible=True).count()
    assert view.page.locator('nav a').filter(visible=True).all_inner_texts() == ['Summary', 'Curves']
    # Beside one with rows.
    both = show(write_html_report([alone, Run('a', read_result(result.folder))], tmp_path / 'out').index)
    assert both.page.locator('#gallery').is_visible() and not both.page.locator('#agreement').is_visible()
    assert _at_gallery(both).count(CARD) == 12


def test_without_data(show, write):
    index = write()
    index.with_name('data.js').unlink()
    view = show(index)
    assert 'data.js is missing' in view.text('#subtitle')
    assert all('data.js' in complaint or 'ERR_FILE_NOT_FOUND' in complaint for complaint in view.complaints)
    view.complaints.clear()


@pytest.mark.parametrize(
    'kind', [dict(viewport=dict(width=360, height=740), has_touch=True), dict(color_scheme='dark')]
)
def test_phone_and_dark_mode(show, write, kind):
    view = _at_gallery(show(write(), **kind))
    width = view.page.evaluate('innerWidth')
    assert view.page.evaluate('document.documentElement.scrollWidth') <= width
    view.page.locator(f'{CARD} button').first.click()
    assert view.page.get_by_role('dialog').is_visible()
    assert view.page.evaluate('document.getElementById("large").scrollWidth') <= width
    back = view.page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert (sum(map(int, back[4:-1].split(','))) < 150) == ('color_scheme' in kind)


def test_every_control_has_a_name(show, write):
    view = _at_gallery(show(write(), '#image=0'))
    nameless = """() => [...document.querySelectorAll('input, select, button, img:not(.heat)')].filter((one) =>
        !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim() || one.getAttribute('alt'))
        ).map((one) => one.outerHTML)"""
    assert view.page.evaluate(nameless) == []


@pytest.fixture
def many(tmp_path):
    """6,000 images of 200 classes; the pictures themselves are not there."""
    rng = np.random.default_rng(0)
    outcomes = list(Outcome)
    rows = [
        Row(
            path=f'/set/{index % 200:03d}/{index}.jpg',
            true=index % 200,
            predicted=int(rng.integers(200)),
            rank=1 + index % 7,
            box=(10.0, 10.0, 90.0, 60.0),
            iou=round(float(rng.uniform()), 6),
            outcome=outcomes[index % 6],
            threshold=0.1,
            source='fixed',
        )
        for index in range(6000)
    ]
    protocol = dict(name='tscam', iou_levels=[0.5])
    chosen = dict(name='tscam', metric='LocAccuracy', protocol=protocol, map_kind='coupled', images=6000)
    chosen.update(numbers=[], curves={}, rows='tscam.csv')
    report = dict(results=[chosen])
    read = RunResult(report, chosen, tmp_path / 'tscam.csv', rows, {label: f'class {label}' for label in range(200)})
    drawn = [Drawn(index, (100, 70)) for index in range(6000)]
    maps = [(['coupled'], [])] * 6000
    shown = Shown(0, rows, {}, [MapKind('coupled', 'coupled map')], maps)
    data = page_data([Run('tiny', read)], [shown], 6000, drawn)
    (tmp_path / 'data.js').write_text(as_script(data))
    for asset in ('index.html', 'report.css', 'report.js'):
        (tmp_path / asset).write_bytes((ASSETS / asset).read_bytes())
    return tmp_path / 'index.html'


def test_6000_images_stay_smooth(show, many, browser):
    """The page makes elements and reads files only for rows that are on the screen."""
    context = browser.new_context(viewport={'width': 1200, 'height': 900})
    page = context.new_page()
    picture = cv2.imencode('.jpg', np.full((70, 100, 3), 128, np.uint8))[1].tobytes()
    read: list[str] = []

    def serve(route):
        read.append(route.request.url)
        route.fulfill(body=picture, content_type='image/jpeg')

    page.route('**/*.jpg', serve)
    page.goto(many.as_uri())
    elements = 'document.querySelectorAll("*").length'
    assert page.locator('#count').inner_text() == '6000 images'
    assert page.evaluate(elements) < 3500
    assert len(read) < 200

    for place in (0.3, 0.9, 1.0):
        page.evaluate('place => scrollTo(0, place * document.documentElement.scrollHeight)', place)
        page.wait_for_function(
            '() => [...document.querySelectorAll("#cards li")].some(card => {'
            ' const box = card.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0; })'
        )
        assert page.evaluate(elements) < 3500
    page.wait_for_function('[...document.querySelectorAll("#cards li")].some(card => card.row.index === 5999)')
    page.get_by_label('Sort by').select_option('low')
    page.get_by_label('IoU to').fill('0.5')
    page.locator('#true').select_option('7')
    page.wait_for_function('document.querySelectorAll("#cards li").length < 30')
    assert page.evaluate(elements) < 3500
    page.get_by_role('button', name='Show all 200 classes').click()
    assert page.locator('#heat tbody tr').count() == 201
    assert len(read) < 1000
    context.close()


def test_the_keyboard_goes_on_where_it_was(show, many):
    """Cards that leave the screen are removed, but not that with the focus; tab goes to the one after it."""
    view = show(many)
    view.page.locator(f'{CARD} button').nth(2).focus()
    for _ in range(3):
        view.page.keyboard.press('Tab')
    assert view.page.evaluate('document.activeElement.closest("li").row.index') == 5
    view.page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
    view.page.wait_for_function('[...document.querySelectorAll("#cards li")].some(card => card.row.index === 5999)')
    assert view.page.evaluate('document.activeElement.closest("li").row.index') == 5
    view.complaints.clear()  # the pictures are not there


def test_markup_in_names_is_shown_and_not_obeyed(show, write, result):
    name = '<img src=x onerror="window.marker = 1"><script>window.marker = 1<'
    text = (result.folder / 'tscam.csv').read_text()
    (result.folder / 'tscam.csv').write_text(
        text.replace('bee', name.replace('"', "'")).replace('/1/', f'/{name[:20]}/')
    )
    report = json.loads((result.folder / 'report.json').read_text())
    report['origin'] = {'config': name, name: name, '__proto__': {'marker': name}}
    for each in report['results']:
        each['name' if each['name'] != 'tscam' else 'metric'] = name
    (result.folder / 'report.json').write_text(json.dumps(report))
    view = _at_gallery(show(write(with_maps=False)))
    view.page.locator('details summary').click()
    assert name in view.text('h1') and name in view.text('#origin') and name[:10] in view.text('#heat')
    assert view.page.evaluate('window.marker') is None
    assert view.count('img[onerror]') == view.count('body script') == 0
