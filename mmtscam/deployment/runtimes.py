"""Other programs that run exported ONNX files, on the CPU and behind one function."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmtscam.utils.timing import cpu_seconds

from .check import Runner, open_onnx

Shape = tuple[int, int, int, int]


class Job(NamedTuple):
    """A file that a runtime is to load, and how.

    Attributes:
        path: The ONNX file.
        outputs: Names of its outputs, in order.
        threads: Number of threads, PyTorch's own too.
        folder: A folder for files of the runtime's own.
        node_folder: Where ``npm install`` was run.
        shape: The one shape to load for; ``None`` for any.
    """

    path: str
    outputs: tuple[str, ...]
    threads: int
    folder: str
    node_folder: str
    shape: Shape | None = None


class Runtime(NamedTuple):
    """A program that runs ONNX files.

    Attributes:
        install: The command that installs it.
        packages: Modules that it needs, the one with the version first; one
            of npm with a ``/`` at its end.
        load: Loads a file; the function that it returns runs it.
    """

    install: str
    packages: tuple[str, ...]
    load: Callable[[Job], Runner]

    def version(self, node_folder: str) -> str | None:
        """The version that is installed, or ``None``.

        Args:
            node_folder: Where ``npm install`` was run.
        """
        first = self.packages[0]
        if first.endswith('/'):
            file = Path(node_folder, 'node_modules', first, 'package.json')
            found = file.is_file() and shutil.which('node')
            return json.loads(file.read_text(encoding='utf-8'))['version'] if found else None
        if any(importlib.util.find_spec(name) is None for name in self.packages):
            return None
        distributions = importlib.metadata.packages_distributions()[first]
        return importlib.metadata.version(distributions[0])


def _onnxruntime(job: Job) -> Runner:
    return open_onnx(job.path)[0]


def _openvino(job: Job) -> Runner:
    import openvino

    # On processors with bfloat16 the default is less exact.
    options = {'INFERENCE_NUM_THREADS': job.threads, 'INFERENCE_PRECISION_HINT': 'f32'}
    compiled = openvino.Core().compile_model(job.path, 'CPU', options)
    return lambda images: list(compiled(images).values())


def _opencv(job: Job) -> Runner:
    import cv2

    cv2.setNumThreads(job.threads)
    net = cv2.dnn.readNetFromONNX(job.path)

    def run(images: np.ndarray) -> Sequence[np.ndarray]:
        net.setInput(images, 'images')
        return net.forward(list(job.outputs))

    return run


def _tract(job: Job) -> Runner:
    import tract

    model = tract.onnx().load(job.path)
    if job.shape:
        model.set_input_fact(0, ','.join(map(str, job.shape)) + ',f32')
    runnable = model.into_model().into_runnable()
    return lambda images: [output.to_numpy() for output in runnable.run([images])]


def _mnn(job: Job) -> Runner:
    import MNN

    converted = os.path.join(job.folder, 'model.mnn')
    # The command mnnconvert does the same, and installs packages without asking.
    convert = importlib.import_module('_tools').mnnconvert
    convert(['mnnconvert', '-f', 'ONNX', '--modelFile', job.path, '--MNNModel', converted, '--bizCode', 'mmtscam'])
    if not os.path.isfile(converted):
        raise ValueError('mnnconvert writes no file')
    options = [{'backend': 'CPU', 'precision': 'high', 'numThread': job.threads}]
    manager = MNN.nn.create_runtime_manager(tuple(options))
    net = MNN.nn.load_module_from_file(converted, ['images'], list(job.outputs), runtime_manager=manager)
    expr = MNN.expr

    def run(images: np.ndarray) -> Sequence[np.ndarray]:
        variable = expr.placeholder(list(images.shape), expr.NCHW, expr.float)
        variable.write(np.ascontiguousarray(images))
        results = net.forward([variable])
        return [np.array(expr.convert(each, expr.NCHW).read()) for each in results]

    return run


def _ncnn(job: Job) -> Runner:
    import ncnn

    if job.shape is None:
        raise ValueError('pnnx converts for one size')
    model = Path(job.folder, 'model.onnx')
    shutil.copyfile(job.path, model)
    program = Path(importlib.import_module('pnnx').__file__ or '').with_name('pnnx')
    shape = ','.join(map(str, (1, *job.shape[1:])))
    words = [str(program) if program.is_file() else 'pnnx', 'model.onnx', f'inputshape=[{shape}]', 'fp16=0']
    done = subprocess.run(words, cwd=job.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f'pnnx ends with code {done.returncode}')
    net = ncnn.Net()
    net.opt.num_threads = job.threads
    parameters, weights = (str(model.with_name(f'model.ncnn.{part}')) for part in ('param', 'bin'))
    if net.load_param(parameters) or net.load_model(weights):
        raise ValueError('ncnn does not read what pnnx writes: an operator is not known')

    def run_one(image: np.ndarray) -> list[np.ndarray]:
        with net.create_extractor() as extractor:
            extractor.input('in0', ncnn.Mat(image).clone())
            return [np.array(extractor.extract(f'out{index}')[1]) for index in range(len(job.outputs))]

    def run(images: np.ndarray) -> Sequence[np.ndarray]:
        # ncnn has no axis for images.
        return [np.stack(each) for each in zip(*map(run_one, images), strict=True)]

    return run


class _Node:
    """A process of Node.js that runs onnxruntime-web."""

    def __init__(self, job: Job) -> None:
        script = str(Path(__file__).with_name('onnxruntime_web.mjs'))
        words = ['node', script, job.node_folder, job.path, str(job.threads), *job.outputs]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.file = os.path.join(job.folder, 'images.bin')
        self.seconds = 0.0
        self._answer()

    def __call__(self, images: np.ndarray) -> Sequence[np.ndarray]:
        np.ascontiguousarray(images).tofile(self.file)
        assert self.process.stdin is not None
        print(json.dumps(dict(file=self.file, shape=images.shape)), file=self.process.stdin, flush=True)
        answer = self._answer()
        self.seconds += answer['seconds']
        return [np.fromfile(each['file'], np.float32).reshape(each['shape']) for each in answer['outputs']]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {'error': 'node has ended'}
        if 'error' in answer:
            raise ValueError(answer['error'])
        return answer


def runner_seconds(run: Runner, images: np.ndarray) -> float:
    """Processor time of a run, of all threads; Node's own where it is another process."""
    if not isinstance(run, _Node):
        return cpu_seconds(partial(run, images))
    before = run.seconds
    run(images)
    return run.seconds - before


RUNTIMES = {
    'onnxruntime': Runtime('pip install onnxruntime', ('onnxruntime',), _onnxruntime),
    'OpenVINO': Runtime('pip install openvino', ('openvino',), _openvino),
    'OpenCV': Runtime("pip install 'opencv-python>=5'", ('cv2',), _opencv),
    'tract': Runtime('pip install tract', ('tract',), _tract),
    'MNN': Runtime('pip install MNN', ('MNN', '_tools'), _mnn),
    'ncnn': Runtime('pip install ncnn pnnx', ('ncnn', 'pnnx'), _ncnn),
    'onnxruntime-web': Runtime('npm install --ignore-scripts onnxruntime-web', ('onnxruntime-web/',), _Node),
}
