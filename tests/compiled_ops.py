"""Import this first to skip a module where mmdet cannot be used."""

import pytest

pytest.importorskip('mmcv.ops', reason='needs compiled mmcv: bash tools/run_tests.sh --mmdet')
