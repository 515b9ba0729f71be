"""Draw the images and write the lists: ``python make_data.py``."""

from pathlib import Path

from mmtscam.datasets import make_sample_set

root = make_sample_set('data', per_class=(3, 2))
names = [f'images/{path.parent.name}/{path.name}' for path in sorted(Path(root, 'images').glob('*/*.jpg'))]
# Five images a class: two to train on, one to choose a threshold on, two for the test.
splits = {'train': (0, 1), 'val': (2,), 'test': (3, 4)}
for split, places in splits.items():
    rows = [f'{name} {index // 5}' for index, name in enumerate(names) if index % 5 in places]
    Path(root, f'{split}.txt').write_text('\n'.join(rows) + '\n')
