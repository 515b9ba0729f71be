import numpy as np
import pytest

from mmtscam.evaluation import MaxBoxAcc, PixelAP

METRICS = {
    'MaxBoxAcc': lambda: MaxBoxAcc('wsol-v2', step=0.05),
    'PixelAP': lambda: PixelAP('wsol-v2', step=0.05),
}
each_metric = pytest.mark.parametrize('make', METRICS.values(), ids=METRICS)


@each_metric
@pytest.mark.parametrize(('batch', 'seed'), [(1, 0), (5, 1), (16, 2)])
def test_neither_order_nor_batches_matter(samples, evaluate, make, batch, seed):
    first, second = make(), make()
    order = np.random.default_rng(seed).permutation(16)
    assert evaluate(first, samples) == evaluate(second, [samples[index] for index in order], batch=batch)
    np.testing.assert_equal(second.result, first.result)


@each_metric
def test_every_evaluation_starts_from_zero(samples, evaluate, make):
    metric = make()
    whole, part = evaluate(metric, samples), evaluate(metric, samples[3:9])
    assert part == evaluate(make(), samples[3:9]) != whole
    assert evaluate(metric, samples) == whole


@each_metric
@pytest.mark.parametrize('size', [0, 3, 5, 1000])
def test_another_number_of_images(samples, evaluate, make, size):
    metric = make()
    metric.process({}, samples[:4])
    with pytest.raises(ValueError, match=f'4 images were scored, but the data set has {size}'):
        metric.evaluate(size)
    assert evaluate(metric, samples[:5]) == evaluate(make(), samples[:5])  # nothing is left of it


@each_metric
def test_no_image(make):
    with pytest.raises(ValueError, match='0 images were scored, but the data set has 0'):
        make().evaluate(0)


@each_metric
@pytest.mark.parametrize('size', [6, 7])
def test_images_that_a_sampler_repeats_do_not_count(samples, evaluate, evaluate_on_two, make, size):
    dealt = [*samples[:size], *samples[: size % 2]]
    (first, _), (second, _) = evaluate_on_two(make(), (dealt[::2], dealt[1::2]), size)
    assert first == second == evaluate(make(), samples[:size])


@each_metric
def test_an_image_that_was_scored_twice(samples, make):
    metric = make()
    metric.process({}, [*samples[:3], samples[1], samples[4]])
    with pytest.raises(ValueError, match=r'1\.jpg: the image was scored twice'):
        metric.evaluate(4)


def test_images_dealt_out_otherwise(samples, evaluate_on_two):
    """A sampler that gives each process a stretch fills the last one up with more than its last image."""
    parts = (samples[:4], [*samples[4:6], *samples[:2]])
    (first, _), (second, _) = evaluate_on_two(METRICS['PixelAP'](), parts, 6)
    assert first == second == 'ValueError: /data/set/test/2/0.jpg: the image was scored twice'


def test_too_many_images_on_two_processes(samples, evaluate_on_two):
    (first, _), (second, _) = evaluate_on_two(METRICS['PixelAP'](), (samples[:4], samples[4:8]), 6)
    assert first == second == 'ValueError: PixelAP: 8 images were scored, but the data set has 6'


@each_metric
def test_sets_on_two_processes(samples, evaluate, evaluate_on_two, make):
    """Seven images of two sets with the same ids; the sampler repeats the first."""
    sets = [(samples[:4], 'a'), (samples[:3], 'b')]
    joined = [dict(sample, set_name=name) for part, name in sets for sample in part]
    dealt = [dict(sample, number=number) for number, sample in enumerate(joined)]
    dealt.append(dealt[0])
    (first, result), (second, _) = evaluate_on_two(make(), (dealt[::2], dealt[1::2]), 7)
    assert first == second
    assert result.images == 7
    for part, name in sets:
        for key, value in evaluate(make(), part).items():
            prefix, number = key.split('/')
            assert first[f'{prefix}/{name}/{number}'] == value
