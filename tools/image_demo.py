"""Classify and localise images: python tools/image_demo.py IMAGE_OR_FOLDER CONFIG CHECKPOINT [options]."""

from mmtscam.apis.infer import HINTS, main
from mmtscam.utils.cli import run

if __name__ == '__main__':
    run(main, HINTS)
