#!/bin/bash
# A search on Slurm. Each allocated node runs one Ray node, which ends with the job. Submit from the repository's root,
# which must be on a file system that all nodes see:
#   sbatch cluster/slurm.sh tune_configs/perturb_search.yaml [key=value ...] [--resume]
#SBATCH --job-name=scene-graphs
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=2
#SBATCH --time=24:00:00
set -euo pipefail

export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK # srun does not inherit it by itself
export RAY_AUTH_MODE=token                     # ~/.ray/auth_token, the same on all nodes (README: "The token")
port=$((20000 + SLURM_JOB_ID % 10000))         # two jobs may share a node
# This job's own folder, so that sockets and logs of other jobs are not in the way.
temporary=/tmp/ray-$SLURM_JOB_ID

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=$(srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" hostname --ip-address | awk '{print $1}')

start() {  # start NODE ARGUMENT...
    local node=$1
    shift
    srun --nodes=1 --ntasks=1 --nodelist="$node" --export=ALL ray start --block --num-cpus="$SLURM_CPUS_PER_TASK" \
        --temp-dir="$temporary" "$@" &
}

on_head() {  # on_head COMMAND...
    srun --overlap --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" --export=ALL "$@"
}

start "${nodes[0]}" --head --node-ip-address="$head" --port="$port" --include-dashboard=false
on_head python cluster/wait_for_nodes.py "$head:$port" 1
for node in "${nodes[@]:1}"; do
    start "$node" --address="$head:$port"
done

# The driver runs beside the head, once all nodes are there.
on_head python cluster/wait_for_nodes.py "$head:$port" "${#nodes[@]}"
on_head python -m platform.tune "$@" resources.address="$head:$port"
