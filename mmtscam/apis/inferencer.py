"""From images to classes, boxes, maps and pictures."""

import copy
import os.path as osp
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from rich.progress import track

from mmtscam.datasets.coco import COCOOutput
from mmtscam.models import LocTTAModel
from mmtscam.models.heads import LocSettings
from mmtscam.registry import TRANSFORMS
from mmtscam.structures import LocDataSample
from mmtscam.utils.ahead import ahead
from mmtscam.utils.arguments import as_list, check_number, check_path, check_whole
from mmtscam.utils.choices import PREDICTION_FORMATS
from mmtscam.utils.class_names import class_name, find_class
from mmtscam.utils.config import checkpoint_config, read_config
from mmtscam.utils.files import check_writable
from mmtscam.utils.images import check_array, list_images, read_image, to_pipeline
from mmtscam.utils.turns import Turns
from mmtscam.utils.views import first_sample, input_shapes, use_views
from mmtscam.visualization import LocVisualizer, check_display, draw_panels, write_picture

from .loading import check_localises, class_names, load_model
from .output_places import ImageInput, check_layout, check_pictures, input_name, picture_places
from .pipelines import image_pipeline
from .precision import in_precision_of
from .predictions import PARTIAL, sample_to_dict, write_predictions


class _Outcome(NamedTuple):
    """The outcome of one input: a prediction for an image, or an error."""

    number: int
    name: str
    image: np.ndarray | None = None
    sample: LocDataSample | None = None
    error: Exception | None = None


class LocInferencer(BaseInferencer):
    """Classifies and localises images; used as mmdet's ``DetInferencer`` is.

    Threads may share one: they take turns with the model, in :meth:`forward`.

    Args:
        model: Path of a config, or the config itself; by default the one in
            the checkpoint.
        weights: Path or URL of a checkpoint.
        device: ``'cpu'``, ``'cuda:0'``, ...; a GPU by default if there is one.
        layers: Blocks whose attention is averaged (negative ones count from
            the last), instead of the config's.
        show_progress: Whether to show a progress bar.
        num_workers: Threads that read images and draw pictures while the
            model computes.
        tta: Whether predictions are averaged over mirrored views and a second
            size of each image.
        ten_crop: Whether ten crops classify instead of the whole image.
        zoom: Whether the model looks once more, at the part around the
            predicted box: it classifies, and its map is averaged in.

    Raises:
        FileNotFoundError: If config or checkpoint is missing.
        ValueError: If they do not fit together.

    Examples:
        >>> inferencer = LocInferencer('config.py', 'checkpoint.pth')  # doctest: +SKIP
        >>> inferencer('bird.jpg', out_dir='outputs')['predictions'][0]['bboxes']  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Config | dict | None = None,
        weights: str | None = None,
        device: str | None = None,
        layers: Sequence[int] | None = None,
        show_progress: bool = True,
        num_workers: int = 2,
        tta: bool = False,
        ten_crop: bool = False,
        zoom: bool = False,
    ) -> None:
        if weights is None:
            raise ValueError('weights are missing: name a checkpoint')
        check_path('weights', weights)
        check_whole('num_workers', num_workers, 0)
        init_default_scope('mmtscam')
        if isinstance(model, dict):
            model = Config(model)
        elif not isinstance(model, Config | None):
            check_path('model', model)
        cfg = checkpoint_config(weights) if model is None else read_config(model)
        if layers is not None:
            cfg.model.backbone.attn_layers = layers
        self.num_workers = num_workers
        self._turns = Turns()  # a forward pass keeps class attention in the backbone until it is taken
        self._augmented = tta or ten_crop or zoom
        if self._augmented:
            cfg = copy.deepcopy(cfg)
            use_views(cfg, tta, ten_crop, zoom)
        super().__init__(cfg, weights, device or get_device(), scope='mmtscam', show_progress=show_progress)
        head = check_localises(self.model, cfg)
        self.classes = class_names(cfg, weights, head.num_classes) or None

    def __call__(
        self,
        inputs: ImageInput | Sequence[ImageInput],
        batch_size: int = 16,
        classes: str | int | Sequence[str | int] | None = None,
        topk: int | None = None,
        threshold: float | None = None,
        map_kind: str | None = None,
        min_area: float | None = None,
        return_datasamples: bool = False,
        return_vis: bool = False,
        show: bool = False,
        wait_time: float = 0,
        draw_pred: bool = True,
        pred_score_thr: float = 0.0,
        no_save_vis: bool = False,
        no_save_pred: bool = False,
        print_result: bool = False,
        pred_formats: str | Sequence[str] = ('json',),
        out_dir: str | Path = '',
        layout: str = 'plain',
        first_category: int = 1,
    ) -> dict[str, list]:
        """Predict.

        A file in a list or folder that cannot be read does not stop the
        others. Where the run fails or is interrupted, the predictions that
        were made until then go to the folder ``partial`` in ``out_dir``, and
        files of an earlier run stay as they were. Images are turned upright as
        their EXIF orientation says, and boxes are those of the upright image.

        Args:
            inputs: A path, a URL, an array ``(H, W, 3)`` ``uint8`` BGR, a
                list of such, or a folder (with those below it).
            batch_size: Images a batch.
            classes: Classes, by name or index, that are localised instead of
                the Top-k, whatever their scores.
            topk: How many classes get a box; the head's own by default.
            threshold: Threshold for drawing boxes; the head's own by default.
            map_kind: The kind of map to localise with; the head's own by
                default.
            min_area: Draws several boxes a class: one for every separate
                region with at least this share, in [0, 1], of the area of its
                largest, see :func:`~mmtscam.localization.map_to_instances`.
            return_datasamples: Whether to return :class:`LocDataSample`
                instead of dicts.
            return_vis: Whether to return pictures.
            show: Whether to open a window for each picture.
            wait_time: Seconds for which a window stays; 0 means for ever.
            draw_pred: Whether to draw boxes.
            pred_score_thr: Boxes of a lower score are left out of pictures.
            no_save_vis: Leave pictures out of ``out_dir``.
            no_save_pred: Leave files of predictions out of ``out_dir``.
            print_result: Whether to print the predictions too.
            pred_formats: Among ``'json'``, ``'csv'`` and ``'coco'``.
            out_dir: Folder for pictures, in ``vis/``, and predictions.
            layout: Layout of the COCO file: ``coco.json`` alone, or the folder
                ``coco`` with copies of the images, see
                :class:`~mmtscam.datasets.coco.COCOOutput`.
            first_category: Id of the first class in the COCO file, 0 or 1.

        Returns:
            ``predictions`` has one entry for each input, in order: a dict of
            plain values (see
            :func:`~mmtscam.apis.predictions.sample_to_dict`) or a sample. An
            input without a prediction has a dict with ``error``, or ``None``.
            ``visualization``, if asked for, has a picture ``(h, w, 3)``
            ``uint8`` RGB for each, or ``None``.

        Raises:
            FileNotFoundError: If the one file or folder is not there.
            FileExistsError: If a layout's folder of images is there already.
            OSError: If nothing can be written to ``out_dir``.
            ValueError: If an argument is out of range, the one image cannot
                be read, an image cannot be copied, pictures would overwrite
                images, or there is no display to show them on.
            TypeError: If an input is none of the above.
        """
        classes = None if classes is None else as_list(classes)
        pred_formats = as_list(pred_formats)
        check_whole('batch_size', batch_size, 1)
        check_path('out_dir', out_dir)
        check_number('wait_time', wait_time)
        check_number('pred_score_thr', pred_score_thr)
        if unknown := [each for each in pred_formats if each not in PREDICTION_FORMATS]:
            raise ValueError(f'unknown format {unknown[0]!r}: choose from {", ".join(PREDICTION_FORMATS)}')
        if show:
            check_display()
        if out_dir and not (no_save_vis and no_save_pred):
            check_writable(out_dir, is_folder=True)
        items = self._inputs_to_list(inputs)
        folder = str(inputs) if isinstance(inputs, str | Path) and osp.isdir(inputs) else None
        alone = folder is None and not isinstance(inputs, list | tuple)
        labels = None if classes is None else [self.class_index(name) for name in classes]
        if labels is not None:
            LocDataSample().set_query_label(labels)  # refuses none, and twice the same
        out_vis = Path(out_dir, 'vis') if out_dir and not no_save_vis else None

        def load(item: tuple[int, ImageInput]) -> tuple[_Outcome, dict | None]:
            return self._load(*item, labels, draws)

        def finish(outcome: _Outcome) -> tuple[_Outcome, np.ndarray | None]:
            if outcome.sample is None or not draws:
                return outcome, None
            try:
                (picture,) = self.visualize(
                    [outcome.image], [outcome.sample], draw_pred=draw_pred, pred_score_thr=pred_score_thr
                )
                if out_vis:
                    write_picture(out_vis / places[outcome.number], picture)
            except (OSError, cv2.error) as error:
                return outcome._replace(sample=None, error=error), None
            return outcome._replace(image=None), picture

        def write(failure: type[BaseException] | None, *_: object) -> None:
            # A part of the predictions does not take the place of all those of an earlier run.
            place = Path(out_dir, PARTIAL) if failure else Path(out_dir)
            if plain:
                output = replace(coco, out=place / coco.out.name)
                write_predictions(place, plain, pred_formats, self._names(), folder, output)

        draws = show or return_vis or out_vis is not None
        places = picture_places(items, folder)
        if out_vis is not None:
            check_pictures(out_vis, items, folder, places)
        coco = COCOOutput(Path(out_dir, 'coco.json' if layout == 'plain' else 'coco'), layout, 'train', first_category)
        if layout != 'plain':
            check_layout(coco, items, folder, 'coco' in pred_formats and bool(out_dir) and not no_save_pred)
        samples: list[LocDataSample | None] = []
        plain: list[dict[str, Any]] = []
        pictures: list[np.ndarray | None] = []
        settings = self.model.head.settings_with(threshold=threshold, map_kind=map_kind, topk=topk, min_area=min_area)
        with _threads(self.num_workers) as pool, ExitStack() as stack:
            if out_dir and not no_save_pred:
                stack.push(write)
            # A GPU computes in the meantime. On a CPU, cores would wait for the one that is busy with something else.
            count = 0 if next(self.model.parameters()).device.type == 'cpu' else 2
            numbered = list(enumerate(items))
            batches = [numbered[start : start + batch_size] for start in range(0, len(numbered), batch_size)]
            loaded = ahead((pool.map(load, batch) for batch in batches), count)
            predicted = (self._predict(list(batch), settings) for batch in loaded)
            finished: Any = chain.from_iterable(ahead((pool.map(finish, batch) for batch in predicted), count))
            if self.show_progress and not alone:
                bar: Any = track(finished, description='Inference', total=len(items))
                finished = stack.enter_context(closing(bar))
            for outcome, picture in finished:
                if alone and outcome.error:
                    raise outcome.error
                samples.append(outcome.sample if return_datasamples else None)
                plain.append(self._to_dict(outcome))
                pictures.append(picture if return_vis else None)
                if show and picture is not None:
                    self.visualizer.show(picture, win_name=outcome.name, wait_time=wait_time)
        predictions = {'predictions': samples if return_datasamples else plain}
        if print_result:
            print(predictions)
        return {**predictions, **({'visualization': pictures} if return_vis else {})}

    def class_index(self, name: str | int) -> int:
        """Index of a class.

        Args:
            name: Its name, in any case and with spaces or underscores, or its
                index.

        Raises:
            ValueError: If there is no such class; names the nearest.
        """
        return find_class(name, self.classes or (), self.model.head.num_classes)

    def visualize(
        self,
        inputs: list,
        preds: Any,
        show: bool = False,
        draw_pred: bool = True,
        pred_score_thr: float = 0.0,
        **kwargs: Any,
    ) -> list[np.ndarray]:
        """Draw pictures of predictions.

        Args:
            inputs: ``(H, W, 3)`` ``uint8`` RGB images.
            preds: The sample of each.
            show: Whether to open a window for each.
            draw_pred: Whether to draw boxes.
            pred_score_thr: Boxes of a lower score are left out.
            **kwargs: Further arguments of the visualizer's ``show``.

        Returns:
            ``(h, w, 3)`` ``uint8`` RGB pictures.
        """
        pictures = [
            draw_panels(
                image,
                sample,
                self.classes,
                self.visualizer.panel_height,
                draw_pred=draw_pred,
                pred_score_thr=pred_score_thr,
                font=self.visualizer.font,
            )
            for image, sample in zip(inputs, preds, strict=True)
        ]
        if show:
            for picture in pictures:
                self.visualizer.show(picture, **kwargs)
        return pictures

    def postprocess(
        self, preds: Any, visualization: list[np.ndarray], return_datasamples: bool = False, **kwargs: Any
    ) -> dict[str, list]:
        """Put pictures together with samples, or with dicts of their values."""
        plain = [sample_to_dict(sample, self.classes) for sample in preds]
        return dict(predictions=list(preds) if return_datasamples else plain, visualization=visualization)

    @torch.no_grad()
    def forward(self, inputs: dict | tuple, settings: LocSettings | None = None, **kwargs: Any) -> Any:
        """Predict a batch; a thread waits for its turn.

        Args:
            inputs: A collated batch.
            settings: Settings for drawing boxes; the head's own by default.
            **kwargs: Not used.

        Returns:
            The samples.
        """
        with self._turns:
            data = self.model.data_preprocessor(inputs, False)
            data['inputs'] = in_precision_of(self.model, data['inputs'])
            return self.model.predict(**data, settings=settings)

    def _predict(self, batch: Sequence[tuple[_Outcome, dict | None]], settings: LocSettings) -> list[_Outcome]:
        """Add the samples of the images of a batch that could be read."""
        samples: dict[int, LocDataSample] = {}
        # Images of several sizes would be padded to the largest, and maps would cover the margin.
        for shapes in {input_shapes(data) for _, data in batch if data is not None}:
            alike = [(outcome.number, data) for outcome, data in batch if data and input_shapes(data) == shapes]
            found = self.forward(self.collate_fn([data for _, data in alike]), settings)
            samples |= zip((number for number, _ in alike), found, strict=True)
        return [outcome._replace(sample=samples.get(outcome.number)) for outcome, _ in batch]

    def preprocess(self, inputs: Any, batch_size: int = 1, **kwargs: Any) -> Iterator[Any]:
        """Read and transform images.

        Args:
            inputs: The inputs of a call, in a list.
            batch_size: Images a batch.
            **kwargs: Not used.

        Yields:
            Batches for :meth:`forward`.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If an image cannot be read.
        """
        items = list(enumerate(inputs))
        for start in range(0, len(items), batch_size):
            yield self.collate_fn([self._read(*item)[1] for item in items[start : start + batch_size]])

    def _read(self, number: int, item: ImageInput) -> tuple[np.ndarray, dict]:
        """An image in RGB, and the pipeline's result for it."""
        image = check_array(item) if isinstance(item, np.ndarray) else read_image(str(item))
        return image, self.pipeline(to_pipeline(image, input_name(number, item)))

    def _load(
        self, number: int, item: ImageInput, labels: list[int] | None, keep: bool
    ) -> tuple[_Outcome, dict | None]:
        """Read and transform an image, or say why that failed; keep the image if a picture is wanted."""
        try:
            image, data = self._read(number, item)
        except (ValueError, OSError) as error:
            return _Outcome(number, input_name(number, item), error=error), None
        if labels is not None:
            first_sample(data).set_query_label(labels)
        return _Outcome(number, input_name(number, item), image if keep else None), data

    def _to_dict(self, outcome: _Outcome) -> dict[str, Any]:
        if outcome.sample is None:
            return dict(img_path=outcome.name, error=str(outcome.error))
        return sample_to_dict(outcome.sample, self.classes)

    def _names(self) -> list[str]:
        return [class_name(label, self.classes) for label in range(self.model.head.num_classes)]

    @staticmethod
    def _check_type(item: Any) -> None:
        if not isinstance(item, str | Path | np.ndarray):
            raise TypeError(
                f'an image is a path, a URL or an array (H, W, 3) uint8 in BGR, not a {type(item).__name__}'
            )
        if isinstance(item, str) and not item:
            raise ValueError('the path of an image is empty: name an image')

    def _inputs_to_list(self, inputs: ImageInput | Sequence[ImageInput]) -> list[ImageInput]:
        if isinstance(inputs, list | tuple):
            if not inputs:
                raise ValueError('no images: the list is empty')
            for item in inputs:
                self._check_type(item)
            if folders := [item for item in inputs if isinstance(item, str | Path) and osp.isdir(item)]:
                raise ValueError(f'{folders[0]}: is a folder, which goes alone, not in a list')
            return list(inputs)
        if isinstance(inputs, str | Path) and osp.isdir(inputs):
            return list(list_images(inputs))
        self._check_type(inputs)
        return [inputs]  # type: ignore[list-item]

    def _init_model(self, cfg: Config, weights: str, device: str) -> torch.nn.Module:
        model = load_model(cfg, weights, device)
        return LocTTAModel(model) if self._augmented else model

    def _init_pipeline(self, cfg: Config | ConfigDict) -> Callable:
        """The config's test pipeline, from the image as an array on."""
        return Compose([TRANSFORMS.build(step) for step in image_pipeline(cfg)])

    def _init_collate(self, cfg: Any) -> Callable:
        # The config's own may stack samples, but these samples differ.
        return super()._init_collate(ConfigDict())

    def _init_visualizer(self, cfg: Any) -> LocVisualizer:
        # The config's back ends belong to training.
        own = cfg.get('visualizer') or {}
        return LocVisualizer(**{name: own[name] for name in ('panel_height', 'font') if own.get(name) is not None})


@contextmanager
def _threads(count: int) -> Iterator[Executor]:
    """Threads that are stopped if something fails; work that waits for them is dropped."""
    pool = ThreadPoolExecutor(max(1, count))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
