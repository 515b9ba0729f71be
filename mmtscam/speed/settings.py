"""Settings of a benchmark: a workload with its size, and a way to do it."""

from dataclasses import dataclass, field

from mmengine.config import Config

from mmtscam.utils.config import read_config, type_name

# Parts of a config that each workload needs.
_PARTS = dict(evaluate=['model'], train=['model', 'optim_wrapper'], predict=['model'], load=['train_dataloader'])


@dataclass(frozen=True)
class Setting:
    """A workload and its size.

    Args:
        config: Config file.
        workload: One of :data:`~mmtscam.utils.choices.WORKLOADS`.
        batch_size: Images a batch; without meaning for ``'load'``.
        input_size: Side of the input in pixels; the config's by default.
        classes: Number of classes; the config's by default.
        batches: Batches, or passes over the images, a run.
        device: ``'cpu'`` or a CUDA device.
        cfg_options: Settings of the config to override.
        files: Image files for ``'load'``.
        generated: Whether these files were generated because the training set
            is missing.
    """

    config: str
    workload: str
    batch_size: int = 16
    input_size: int | None = None
    classes: int | None = None
    batches: int = 1
    device: str = 'cpu'
    cfg_options: dict = field(default_factory=dict)
    files: tuple[str, ...] = ()
    generated: bool = False

    @property
    def images(self) -> int:
        """Images a run."""
        return self.batches * (len(self.files) if self.workload == 'load' else self.batch_size)

    def load(self) -> Config:
        """Read the config and, except for ``'load'``, set the sizes of its model; weights are left out.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it cannot be read, the config does not suit the
                workload, or the input size the model.
        """
        cfg = read_config(self.config, self.cfg_options)
        try:
            self._adapt(cfg)
        except Exception as error:  # whatever a config, which is a program, may raise
            raise ValueError(f'{self.config}: {error}') from error
        return cfg

    def _adapt(self, cfg: Config) -> None:
        for part in _PARTS[self.workload]:
            if part not in cfg:
                raise ValueError(f'{self.workload} needs {part}, which this config lacks')
        if self.workload != 'load':
            self._set_sizes(cfg.model)

    def _set_sizes(self, model: dict) -> None:
        backbone, head = (model.get(part) or dict(type='none') for part in ('backbone', 'head'))
        # Other models do not know the settings that are made here.
        kinds = [type_name(part['type']) for part in (backbone, head)]
        if kinds == ['TSCAMDeiT', 'TriLiteHead']:  # its baseline is ours with a backbone that is not frozen
            if self.workload != 'train':
                raise ValueError(f'there is a baseline of TriLite for train alone, not for {self.workload}')
            backbone['drop_path_rate'] = 0.0  # frozen blocks drop no path, so that both compute the same
        elif kinds not in (['TSCAMDeiT', 'TSCAMHead'], ['SATDeiT', 'SATHead']):
            raise ValueError(
                'the baseline is written for TSCAMDeiT with TSCAMHead, for SATDeiT with SATHead and, in train, for '
                f'TSCAMDeiT with TriLiteHead, not for {" with ".join(kinds)}'
            )
        if kinds[1] == 'SATHead':  # boxes of the baseline are drawn by these rules alone, at any threshold
            head['protocol'] = 'tscam'
        backbone['init_cfg'] = None
        head['init_classifier'] = None
        backbone['img_size'] = self.input_size or backbone.get('img_size', 224)
        head['num_classes'] = self.classes or head['num_classes']
        patch = backbone.get('patch_size', 16)
        if not isinstance(backbone['img_size'], int):
            raise ValueError(f'the baseline needs one number as img_size, got {backbone["img_size"]}')
        if backbone['img_size'] % patch:
            raise ValueError(f'an input size of {backbone["img_size"]} is no multiple of the patch size, {patch}')


@dataclass(frozen=True)
class Way:
    """A way to do a workload.

    Args:
        code: ``'baseline'`` or ``'ours'``.
        precision: One of :data:`~mmtscam.utils.choices.PRECISIONS`.
        compiled: Whether the model is compiled (``torch.compile``).
    """

    code: str
    precision: str = 'fp32'
    compiled: bool = False

    @property
    def name(self) -> str:
        """Name in tables."""
        return f'{self.code} {self.precision}{", compiled" if self.compiled else ""}'
