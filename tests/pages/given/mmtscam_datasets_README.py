test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackLocInputs')]
