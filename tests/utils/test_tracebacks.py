from mmtscam.utils.tracebacks import traces


def _fail():
    raise ValueError('a')


def test_from_where_it_was_caught_to_where_it_was_raised():
    try:
        _fail()
    except ValueError as error:
        names = [trace.tb_frame.f_code.co_name for trace in traces(error)]
    assert names == ['test_from_where_it_was_caught_to_where_it_was_raised', '_fail']


def test_an_error_that_was_never_raised():
    assert traces(ValueError('a')) == []
