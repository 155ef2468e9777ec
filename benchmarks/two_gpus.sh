#!/usr/bin/env bash
# What has to be measured on two GPUs, over NCCL, in a few minutes, without data and without a network:
#
#   bash benchmarks/two_gpus.sh [--device cpu --quick]
#
# Two processes train as one does, and how fast they are (benchmarks/two_gpus.py). Results go to build/gpu.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/gpu
python benchmarks/two_gpus.py --json build/gpu/two_gpus.json "$@"
