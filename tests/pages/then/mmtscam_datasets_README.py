from pathlib import Path

import my_boxes
import my_images

Path('boxes.txt').write_text('a.jpg 1 2 30 40\na.jpg 5 6 7 8\n')
assert my_boxes.TextBoxes('.', 'boxes.txt')('a.jpg').shape == (2, 4)
Path('images.txt').write_text('a.jpg 0\nb.jpg 3\n')
assert my_images.TextImages('images.txt', data_root='.').get_gt_labels().tolist() == [0, 3]
