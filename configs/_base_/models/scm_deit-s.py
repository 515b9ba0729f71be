_base_ = './tscam_deit-s.py'

model = dict(
    # The loss reaches the class attention of every block.
    backbone=dict(attention='always'),
    head=dict(type='SCMHead', init='default'),
)
