import pytest

from mmtscam.datasets.boxes.voc_xml import read_voc_xml

OBJECT = """
<object>
  <name> dog </name>
  <difficult>1</difficult>
  <part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
  <bndbox><xmax>30</xmax><xmin>10.5</xmin><ymin>20</ymin><ymax>40</ymax></bndbox>
</object>"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'a.xml'


def test_an_object_and_not_its_parts(path):
    path.write_text(f'<annotation><size><width>50</width></size>{OBJECT}</annotation>')
    (found,) = read_voc_xml(str(path)).objects
    assert found.name == 'dog'
    assert found.box.tolist() == [10.5, 20, 30, 40]
    assert found.difficult


def test_not_difficult_unless_it_says_so(path):
    path.write_text(f'<a>{OBJECT.replace("<difficult>1", "<difficult>0")}{OBJECT.replace("difficult", "other")}</a>')
    assert [found.difficult for found in read_voc_xml(str(path)).objects] == [False, False]


@pytest.mark.parametrize(
    ('width', 'height', 'size'),
    [('50', ' 40 ', (50, 40)), ('0', '0', None), ('50', '', None), ('wide', '40', None), ('-50', '40', None)],
)
def test_the_size_if_it_is_known(path, width, height, size):
    path.write_text(f'<annotation><size><width>{width}</width><height>{height}</height></size>{OBJECT}</annotation>')
    assert read_voc_xml(str(path)).size == (size and (str(path), *size))


def test_a_size_of_more_digits_than_python_takes(path):
    path.write_text(f'<annotation><size><width>{"1" * 5000}</width><height>40</height></size>{OBJECT}</annotation>')
    with pytest.raises(ValueError, match=f'^{path}: its size has a number of more than 9 digits$'):
        read_voc_xml(str(path))


def test_no_object(path):
    path.write_text('<annotation></annotation>')
    assert read_voc_xml(str(path)) == ([], None)


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ('<name> dog </name>', '', 'object 2: it has no name'),
        ('<bndbox><xmax>', '<box><xmax>', 'not a readable XML file: mismatched tag'),
        ('<xmax>30</xmax>', '', "object 2: a box needs four numbers x1 y1 x2 y2, got '10.5 20  40'"),
        ('<xmax>30</xmax>', '<xmax>10</xmax>', 'object 2: the box is inverted: from (10.5, 20) to (10, 40)'),
        ('<ymax>40</ymax>', '<ymax>inf</ymax>', 'object 2: the box is not finite: 10.5 20 30 inf'),
    ],
)
def test_bad_object(path, old, new, problem):
    assert old in OBJECT
    path.write_text(f'<annotation>{OBJECT}{OBJECT.replace(old, new)}</annotation>')
    with pytest.raises(ValueError) as caught:
        read_voc_xml(str(path))
    assert str(caught.value).startswith(f'{path}: {problem}')


def test_an_object_without_box(path):
    path.write_text('<annotation><object><name>dog</name></object></annotation>')
    with pytest.raises(ValueError, match=f'^{path}: object 1: it has no bndbox$'):
        read_voc_xml(str(path))


@pytest.mark.parametrize('content', [b'', b'no xml', b'<?xml version="1.0" encoding="martian"?><a/>', b'<a>\xff</a>'])
def test_no_xml(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'^{path}: not a readable XML file: '):
        read_voc_xml(str(path))


def test_a_document_type_is_refused_before_its_entities(path):
    path.write_text(f'<!DOCTYPE annotation [<!ENTITY dog "wolf">]><annotation>{OBJECT}</annotation>')
    with pytest.raises(ValueError, match=f"^{path}: not a readable XML file: it has a document type 'annotation'"):
        read_voc_xml(str(path))


def test_elements_may_lie_deep_in_each_other(path):
    path.write_text('<annotation>' + '<a>' * 10_000 + '</a>' * 10_000 + OBJECT + '</annotation>')
    assert [found.name for found in read_voc_xml(str(path)).objects] == ['dog']
