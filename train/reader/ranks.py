"""Several processes that train one model: each learns from pictures of its own, the gradients are averaged at every step, so all hold the
same weights. On a CPU two processes of one thread learn from nearly twice as many pictures; two threads of one process do not.
"""
import os
import socket
import subprocess
import sys

import torch


class Ranks:
    """One of `count` processes; rank 0 is the one that was started, and starts the others with its own command line."""

    def __init__(self, count):
        self.rank, self.count = int(os.environ.get("READER_RANK", 0)), count
        if count == 1:
            return
        if self.rank == 0:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                os.environ["READER_PORT"] = str(free.getsockname()[1])
            for rank in range(1, count):
                subprocess.Popen([sys.executable, "-m", "reader.train", *sys.argv[1:]], env={**os.environ, "READER_RANK": str(rank)})
        torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{os.environ['READER_PORT']}", rank=self.rank, world_size=count)

    def average(self, weights, *figures):
        """Averages the gradients of `weights` in place, and returns the averages of `figures`."""
        if self.count == 1:
            return figures
        parts = [torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in weights]
        whole = torch.cat([*parts, torch.tensor(figures, dtype=torch.float32, device=parts[0].device)])
        torch.distributed.all_reduce(whole)
        whole /= self.count
        for weight, mean in zip(weights, whole.split([len(part) for part in parts] + [len(figures)])):
            weight.grad = mean.view_as(weight)
        return whole[-len(figures):].tolist()

    def first_then_others(self, make):
        """`make()` of rank 0 has ended before any other rank goes on."""
        if self.rank == 0:
            make()
        if self.count > 1:
            torch.distributed.barrier()

    def close(self):
        if self.count > 1:
            torch.distributed.destroy_process_group()
