import csv

from mmtscam.apis.predictions import write_predictions


def test_formulas_are_text_to_a_spreadsheet(tmp_path):
    drawn = dict(map_kind='coupled', threshold=0.1, protocol='tscam', min_area=None, views=1, crops=0, zoom=False)
    good = dict(
        img_path='=a.jpg',
        width=30,
        height=20,
        labels=[0],
        classes=['=1+1'],
        scores=[0.5],
        bboxes=[[-1.5, 2, 3, 4]],
        **drawn,
    )
    bare = dict(good, img_path='@b.jpg', labels=[], classes=[], scores=[], bboxes=[])
    failed = dict(img_path='+c.jpg', error='+c.jpg: no image')
    write_predictions(tmp_path, [good, bare, failed], ['csv'], ['=1+1'])
    with (tmp_path / 'predictions.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['img_path'] for row in rows] == ["'=a.jpg", "'@b.jpg", "'+c.jpg"]
    assert (rows[0]['class'], rows[0]['x1'], rows[2]['error']) == ("'=1+1", '-1.5', "'+c.jpg: no image")
