"""Draw the boxes of an image with an exported model: python tools/deployment/onnx_demo.py IMAGE MODEL.onnx --out FILE.

An example to copy: it needs numpy, opencv-python, Pillow from 11 on and onnxruntime, but
neither PyTorch nor OpenMMLab nor mmtscam. The steps and their boxes are those
of mmtscam's evaluation.
"""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

# Each function imports its own packages, so that arguments are checked before slow imports.
if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession
    from PIL import Image, ImageFont

RED = (230, 40, 40)
ENDINGS = ('.png', '.jpg', '.jpeg')
# Fonts that many systems have; Pillow looks for them in the system's folders.
FONTS = ('DejaVuSans.ttf', 'NotoSansCJK-Regular.ttc', 'wqy-zenhei.ttc', 'msyh.ttc', 'PingFang.ttc', 'Arial Unicode.ttf')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Classify an image with an exported model and draw the box, or boxes.')
    parser.add_argument('image', help='image file')
    parser.add_argument('model', help='file that tools/deployment/export.py wrote (.onnx)')
    parser.add_argument('--out', metavar='FILE', help='picture to write, with box and class')
    parser.add_argument(
        '--class', dest='wanted', metavar='NAME_OR_INDEX', help='class to draw the box of (default: the best one)'
    )
    parser.add_argument('--font', metavar='FILE', help='font file for the class (default: one at hand that has it)')
    parser.add_argument(
        '--min-area',
        type=float,
        metavar='SHARE',
        help='several boxes: one of every region with at least this share of the area of the largest',
    )
    args = parser.parse_args()
    if args.min_area is not None and not 0 <= args.min_area <= 1:
        parser.error(f'--min-area {args.min_area}: must be a share in [0, 1]')
    return args


def read_image(path: str) -> 'Image.Image':
    """An image in RGB, turned upright as its EXIF orientation says.

    Pixels are those of mmtscam's inferencer for files of 8 bits. Others are refused.
    """
    from PIL import Image, ImageOps

    try:
        source = Image.open(path)
        deep = source.mode[0] in 'IF' or any(';16' in str(tile.args) for tile in getattr(source, 'tile', ()))
        image: Image.Image = ImageOps.exif_transpose(source)
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        raise SystemExit(f'{path}: cannot be read as an image: {str(error).partition(" <_io")[0]}') from error
    if deep:
        raise SystemExit(f'{path}: has more than 8 bits a grey value or colour: save it with 8')
    if image.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in image.info:
        rgba = image.convert('RGBA')
        image = Image.new('RGB', rgba.size, (124, 117, 104))  # transparent pixels show this grey
        image.paste(rgba, mask=rgba.getchannel('A'))
    return image.convert('RGB')


def run_model(session: 'InferenceSession', image: 'Image.Image', input_size: list[int]) -> dict[str, Any]:
    """Outputs of the model for one image, by name: ``scores`` (C,), ``maps`` (C, h, w), ``attention`` (h, w)."""
    import numpy as np
    from PIL import Image

    height, width = input_size
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    outputs = session.run(None, {'images': pixels.transpose(2, 0, 1)[None]})
    return {output.name: value[0] for output, value in zip(session.get_outputs(), outputs, strict=True)}


def choose_class(wanted: str | None, scores: 'np.ndarray', classes: list[str] | None) -> int:
    """Index of the wanted class, given by name or index, or of the best class."""
    if wanted is None:
        return int(scores.argmax())
    names = [name.replace('_', ' ').casefold() for name in classes or ()]
    if wanted.replace('_', ' ').casefold() in names:
        return names.index(wanted.replace('_', ' ').casefold())
    if wanted.isdecimal() and int(wanted) < len(scores):
        return int(wanted)
    known = f' or one of its names, as {classes[0]}' if classes else ', for the file has no names'
    raise SystemExit(f'--class {wanted}: the model has no such class; give an index below {len(scores)}{known}')


def draw_boxes(
    score_map: 'np.ndarray', image_size: tuple[int, int], protocol: dict[str, Any], min_area: float | None = None
) -> 'np.ndarray':
    """Boxes ``(n, 4)`` of a map, (x1, y1, x2, y2) in an image of ``(width, height)``.

    The protocol in the file's metadata says how a map is normalised, cut and
    turned into boxes. With ``min_area`` every separate region with at least
    this share of the largest one's area has a box, and there may be none.
    """
    import cv2
    import numpy as np

    frame = tuple(protocol['frame'])
    interpolation = {'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC}[protocol['interpolation']]
    low, high = score_map.min(), score_map.max()
    rects: list = []
    if np.isfinite(high - low) and low != high:
        if not protocol['normalize_first']:
            score_map = cv2.resize(score_map, frame, interpolation=interpolation)
            low, high = score_map.min(), score_map.max()
        level = (score_map - low) / (high - low + score_map.dtype.type(protocol['epsilon']))
        if protocol['normalize_first']:
            level = cv2.resize(level, frame, interpolation=interpolation).clip(0, 1)
        if protocol['absolute_threshold']:
            foreground = level > protocol['threshold']
        else:
            grey = (level * 255).astype(np.uint8)
            foreground = grey > int(protocol['threshold'] * np.percentile(grey, protocol['percentile']))
        regions = foreground.astype(np.uint8), protocol['regions']
        rects = find_rects(*regions) if min_area is None else find_objects(*regions, min_area)
    boxes = [(x, y, x + width, y + height) for x, y, width, height in rects]
    if protocol['clamp_boxes']:
        boxes = [(x1, y1, min(x2, frame[0] - 1), min(y2, frame[1] - 1)) for x1, y1, x2, y2 in boxes]
    scale = [size / framed for size, framed in zip(image_size, frame, strict=True)] * 2
    if not boxes and min_area is None:
        boxes = [protocol['empty_box']]
    return (np.array(boxes).reshape(-1, 4) * scale).astype(np.float32)


def find_rects(foreground: 'np.ndarray', regions: str) -> list:
    """Rectangles (x, y, width, height) of the regions of a foreground that a protocol asks for; perhaps none."""
    import cv2
    import numpy as np

    if not foreground.any():
        return []
    if regions == 'union':
        return [cv2.boundingRect(foreground)]
    if regions == 'component':
        _, labels = cv2.connectedComponents(foreground, connectivity=8)
        pixels = np.bincount(labels.ravel())
        pixels[0] = 0  # the background
        # The first one in raster order is taken where several are equally large.
        place = np.isin(labels, np.flatnonzero(pixels == pixels.max())).argmax()
        return [cv2.boundingRect((labels == labels.ravel()[place]).astype(np.uint8))]
    contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    chosen = [max(contours, key=cv2.contourArea)] if regions == 'contour' else contours
    return list(map(cv2.boundingRect, chosen))


def find_objects(foreground: 'np.ndarray', regions: str, min_area: float) -> list:
    """Rectangles of the separate regions that are large enough, the largest first: components or outer contours."""
    import cv2
    import numpy as np

    if regions == 'component':
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
        _, firsts = np.unique(
            labels[labels > 0], return_index=True
        )  # of equal ones, the first in raster order is first
        rects, sizes = statistics[1:, :4].tolist(), statistics[1:, cv2.CC_STAT_AREA]
        order = np.lexsort((firsts, -sizes))
    else:
        contours, _ = cv2.findContours(foreground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        rects, sizes = list(map(cv2.boundingRect, contours)), np.array([cv2.contourArea(each) for each in contours])
        order = np.argsort(-sizes, kind='stable')
    return [rects[place] for place in order if sizes[place] >= min_area * sizes.max()]


def find_font(caption: str, size: int, file: str | None) -> 'ImageFont.FreeTypeFont | ImageFont.ImageFont':
    """The font of a file, or the first at hand that has all letters of a caption."""
    from PIL import ImageFont

    fonts: list[Any] = []
    for name in [file] if file else FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError as error:
            if file:
                raise SystemExit(f'--font {file}: cannot be read as a font: {error}') from error
    fonts = fonts if file else [ImageFont.load_default(size), *fonts]
    for font in fonts:
        empty_box = bytes(font.getmask('\U0010ffff'))
        if all(bytes(font.getmask(letter)) != empty_box for letter in caption):
            return font
    print(f'no font at hand has all letters of {caption!r}: name one with --font FILE', file=sys.stderr)
    return fonts[0]


def draw_picture(image: 'Image.Image', boxes: 'np.ndarray', caption: str, font_file: str | None) -> 'Image.Image':
    """The image with boxes and a caption."""
    import numpy as np
    from PIL import ImageDraw

    picture = image.copy()
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(image.size) / 200))
    for x1, y1, x2, y2 in np.round(boxes).astype(int).tolist():
        draw.rectangle((x1, y1, min(x2, image.width - 1), min(y2, image.height - 1)), outline=RED, width=line)
    font = find_font(caption, max(12, round(max(image.size) / 30)), font_file)
    draw.rectangle(draw.textbbox((4, 4), caption, font), fill='white')
    draw.text((4, 4), caption, 'black', font)
    return picture


def main() -> None:
    args = parse_args()
    if args.out and not args.out.lower().endswith(ENDINGS):
        raise SystemExit(f'--out {args.out}: the name must end in {", ".join(ENDINGS)}')
    for path in (args.image, args.model, args.font):
        if path and not os.path.isfile(path):
            raise SystemExit(f'{path}: file not found')
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime's have no common class
        raise SystemExit(f'{args.model}: onnxruntime cannot read it: {error}') from error
    properties = session.get_modelmeta().custom_metadata_map
    if 'mmtscam' not in properties:
        raise SystemExit(f'{args.model}: was not written by tools/deployment/export.py')
    metadata = json.loads(properties['mmtscam'])

    image = read_image(args.image)
    outputs = run_model(session, image, metadata['input_size'])
    label = choose_class(args.wanted, outputs['scores'], metadata['classes'])
    name = metadata['classes'][label] if metadata['classes'] else f'class {label}'
    score = float(outputs['scores'][label])
    boxes = draw_boxes(outputs['maps'][label], image.size, metadata['protocol'], args.min_area)
    if args.out:
        try:
            os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
            draw_picture(image, boxes, f'{name.replace("_", " ")}  {score:.2f}', args.font).save(args.out)
        except OSError as error:
            raise SystemExit(
                f'{args.out}: cannot be written ({error.strerror or error}): name another place'
            ) from error
    print(json.dumps(dict(image=args.image, label=label, name=name, score=score, boxes=boxes.tolist())))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
