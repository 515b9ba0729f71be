"""A small result with images, maps and boxes, and a browser to look at its page."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, evaluate_maps, read_result, write_report
from mmtscam.evaluation.stored_maps import MapFile, MapPart, merge_parts
from mmtscam.models.heads import TSCAMHead
from mmtscam.visualization.html_report import Run, write_html_report

CLASSES = ('<b>ant</b> & "co"', 'bee', 'cat')
IMAGES = 12
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


@dataclass
class Result:
    """Where the small result lies."""

    folder: Path
    maps: Path
    images: Path


def _sample(index: int, path: Path) -> dict[str, Any]:
    """The class is right in three of four images; the box grows with the index."""
    label = index % 3
    width, height = (200, 100) if index % 2 else (100, 160)
    ahead = label if index % 4 else (label + 1) % 3
    attention = np.full((14, 14), 0.1, np.float32)
    attention[2 : 5 + index % 9, 2:12] = 1
    semantic = np.stack([attention.T * (place + 1) - place for place in range(3)])
    score = np.full(3, 0.1, np.float32)
    score[label], score[ahead] = 0.5, 0.9
    coupled = attention * semantic
    return dict(
        img_id=index,
        img_path=str(path),
        image_id=path.name,
        gt_label=label,
        pred_score=score,
        ori_shape=(height, width),
        gt_instances=dict(bboxes=np.array([[width * 0.15, height * 0.15, width * 0.8, height * 0.8]])),
        class_maps=dict(
            labels=np.arange(3),
            maps=coupled,
            coupled=coupled,
            attention=np.stack([attention] * 3),
            semantic=semantic,
            threshold=0.2,
            map_kind='coupled',
            map_kinds=TSCAMHead.map_kinds,
        ),
    )


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """Twelve images of three classes, their maps and the reports of two metrics."""
    images = tmp_path / 'set' / 'images'
    part = MapPart(tmp_path / 'part')
    rng = np.random.default_rng(0)
    for index in range(IMAGES):
        path = images / str(index % 3) / f'{index:02d} #%.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        sample = _sample(index, path)
        height, width = sample['ori_shape']
        cv2.imwrite(str(path), rng.integers(0, 255, (height, width, 3), dtype=np.uint8))
        part.add(sample)
    part.close()
    merge_parts([tmp_path / 'part'], tmp_path / 'maps.npz', IMAGES, CLASSES)
    metrics = [
        LocAccuracy('tscam'),
        LocAccuracy('tscam', map_kind='attention', prefix='tscam-attention'),
        MaxBoxAcc('wsol-v2', step=0.05),
    ]
    reports = evaluate_maps(MapFile(tmp_path / 'maps.npz'), metrics)
    write_report(tmp_path / 'result', reports, dict(config='tiny.py', checkpoint='epoch_1.pth'))
    return Result(tmp_path / 'result', tmp_path / 'maps.npz', images)


@pytest.fixture
def second(result: Result, tmp_path: Path) -> Path:
    """The folder of a second result on the same images, by another threshold."""
    metrics = [LocAccuracy('tscam', threshold=0.9), MaxBoxAcc('wsol-v2', step=0.05)]
    write_report(tmp_path / 'second', evaluate_maps(MapFile(result.maps), metrics), dict(config='second.py'))
    return tmp_path / 'second'


@pytest.fixture
def write(result: Result) -> Callable[..., Path]:
    """Write the page of the small result, with maps unless told otherwise."""

    def write(with_maps: bool = True, **kwargs: Any) -> Path:
        maps = MapFile(result.maps) if with_maps else None
        return write_html_report(
            [Run('tiny', read_result(result.folder), maps)], result.folder / 'html', **kwargs
        ).index

    return write


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """A headless chromium: that of MMTSCAM_TEST_BROWSER, of the system, or playwright's own."""
    playwright = pytest.importorskip('playwright.sync_api', reason='pages are tested with playwright: not installed')
    own = os.environ.get('MMTSCAM_TEST_BROWSER') or next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as started:
        try:
            # Without its sandbox, which a container's root cannot have.
            chromium = started.chromium.launch(executable_path=own, args=['--no-sandbox'])
        except playwright.Error as error:
            pytest.skip(f'no chromium to test pages with (apt-get install chromium): {str(error).splitlines()[0]}')
        yield chromium
        chromium.close()


@dataclass
class View:
    """A page in the browser, and everything it complained about or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def count(self, selector: str) -> int:
        """Number of elements."""
        return self.page.locator(selector).count()

    def text(self, selector: str) -> str:
        """The text that is seen."""
        return self.page.locator(selector).inner_text()

    def hash(self) -> str:
        """The state in the address."""
        return self.page.evaluate('location.hash')


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., View]]:
    """Open a file; at the end of the test nothing may have complained or used the network."""
    views: list[View] = []

    def show(index: Path, state: str = '', **kwargs: Any) -> View:
        context = browser.new_context(**{'viewport': {'width': 1200, 'height': 900}, **kwargs})
        view = View(context.new_page())
        views.append(view)
        page = view.page
        page.set_default_timeout(20_000)
        page.on('console', lambda message: view.complaints.append(f'{message.type}: {message.text}'))
        page.on('pageerror', lambda error: view.complaints.append(f'error: {error}'))
        page.on('requestfailed', lambda request: view.complaints.append(f'failed: {request.url}'))
        page.on('request', lambda request: view.requests.append(request.url))
        page.goto(index.as_uri() + state)
        return view

    yield show
    for view in views:
        view.page.context.close()
        assert view.complaints == []
        assert all(url.startswith(('file:', 'data:')) for url in view.requests)
