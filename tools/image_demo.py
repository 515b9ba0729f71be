"""Classify and localise images: python tools/image_demo.py IMAGE_OR_FOLDER CONFIG CHECKPOINT [options]."""

from mmtscam.apis.infer import main

if __name__ == '__main__':
    main()
