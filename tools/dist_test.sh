#!/usr/bin/env bash
# bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of tools/test.py]
# One process a GPU; without a GPU the processes run on CPUs with gloo.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: bash $0 CONFIG CHECKPOINT PROCESSES [options]" >&2; exit 2; }

CONFIG=$1
CHECKPOINT=$2
PROCESSES=$3
TOOLS=$(cd "$(dirname "$0")" && pwd)

exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$PROCESSES" \
    "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "${@:4}"
