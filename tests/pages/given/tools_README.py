from mmtscam.apis import LocInferencer

inferencer = LocInferencer('configs/tscam_vit-mini_sample.py', 'work_dirs/tscam_vit-mini_sample/epoch_4.pth')
