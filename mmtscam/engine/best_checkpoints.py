"""Best checkpoints of a training that goes on from another folder."""

import os.path as osp
from collections.abc import Iterable

from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import MessageHub


def forget_other_folders(hooks: Iterable[Hook], hub: MessageHub) -> list[str]:
    """Let a resumed training remove no best checkpoint but its own, as soon as there is a better one.

    A checkpoint names the best one by its full path. Where the training goes
    on in another folder, after a checkpoint that was named or in a copy, that
    is a file of the earlier training, which mmengine would remove.

    Args:
        hooks: Hooks that are ready to train.
        hub: Knows the best checkpoints; the file of the same name in this
            training's folder takes the place of each, whether it is there or
            not.

    Returns:
        The files of other folders, which stay.
    """
    found = []
    for hook in hooks:
        if not isinstance(hook, CheckpointHook) or hook.save_best is None:
            continue
        for name in [each for each in hub.runtime_info if each == 'best_ckpt' or each.startswith('best_ckpt_')]:
            path = hub.get_info(name)
            if not isinstance(path, str) or osp.dirname(path) == str(hook.out_dir).rstrip(osp.sep):
                continue
            if osp.exists(path):  # not where the folder itself was moved
                found.append(path)
            own = osp.join(hook.out_dir, osp.basename(path))
            hub.update_info(name, own)
            if name == 'best_ckpt':
                hook.best_ckpt_path = own
            else:
                hook.best_ckpt_path_dict[name.removeprefix('best_ckpt_')] = own
    return found
