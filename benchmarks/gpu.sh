#!/usr/bin/env bash
# What has to be measured on one GPU, in less than ten minutes, without data and without a network:
#
#   bash benchmarks/gpu.sh [--device cpu --quick]
#
# The training step of the papers' size in its variants (benchmarks/gpu.py), then a Ray trial with one GPU on a toy
# genome of a few images. Results go to build/gpu.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/gpu
gpus=1
case " $* " in *" --device cpu "*) gpus=0 ;; esac
mkdir -p "$out"
python benchmarks/gpu.py --json "$out/gpu.json" "$@" && missed=0 || missed=$?
python -c "from sgg.data.toy import Sizes, generate; generate('$out/data/toy', sizes=Sizes(64, 8, 8, 64))"
python -m platform.train tune_configs/single.yaml experiment.name="trial-$(date +%s)" "experiment.output=$out/runs" data.name=toy \
    "data.root=$out/data" data.eval_images=8 detector.epochs=1 training.epochs=1 "resources.gpus=$gpus"
exit "$missed"
