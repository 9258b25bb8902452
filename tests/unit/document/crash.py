"""Kills a process that edits and saves, again and again, and looks at what is left. Run by `test_journal`.

One process with everything imported forks the victims, so that a thousand kills take a minute and not an hour.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from moe_studio.document.document import Document
from moe_studio.document.journal import Journal, Keeper, State, left_copies
from moe_studio.document.lock import this_process
from moe_studio.project.edit import set_value
from moe_studio.storage.loader import load_project

SAVE_EVERY = 7


def victim(path: Path, state: Path, report: int, seed: int) -> None:
    """Go on from what is there, then edit and save until killed, saying each edit before it is journalled."""
    this_process.cache_clear()
    journal = Journal(state)
    copies = left_copies(state, path)
    document = Document.recovered(copies[0]) if copies and journal.adopt(copies[0]) else Document.load(path)
    keeper = Keeper(journal)
    random.seed(seed)
    batch = document.project.workload.batch
    os.write(report, b"0 0\n")
    while True:
        batch += 1
        document.commit("batch", set_value("workload.batch", batch))
        os.write(report, f"{batch} {time.monotonic()}\n".encode())
        keeper.note(now(document))
        if random.randrange(SAVE_EVERY) == 0:
            keeper.note(now(document))
            keeper.flush()
            document.save()
            keeper.drop()
        time.sleep(random.random() * 0.004)


def now(document: Document) -> State:
    """What the journal keeps of ``document``."""
    return State(project=document.history.current, path=document.path, digest=document.digest, folder=document.folder)


def cycle(path: Path, state: Path, seed: int) -> tuple[float, bool]:
    """Kill once: for how many seconds edits were lost, and whether a recovery was offered without need."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        victim(path, state, writing, seed)
        os._exit(1)
    os.close(writing)
    said = os.read(reading, 4)
    time.sleep(random.Random(seed).random() * 0.05)
    killed = time.monotonic()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        lines = (said + stream.read()).split(b"\n")
    edits = [(int(line.split()[0]), float(line.split()[1])) for line in lines if line.count(b" ") == 1 and line[-1:]]
    on_disk = load_project(path).workload.batch
    copies = left_copies(state, path)
    kept = max([on_disk, *(copy.project.workload.batch for copy in copies)])
    lost = [killed - when for batch, when in edits if batch > kept]
    is_false = any(copy.project.workload.batch <= on_disk for copy in copies) or len(copies) > 1
    return max(lost, default=0.0), is_false


def main() -> None:
    """``path state cycles``: the outcome as JSON."""
    path, state, cycles = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    outcomes = [cycle(path, state, seed) for seed in range(cycles)]
    found = {
        "lost_s": max(lost for lost, _ in outcomes),
        "false_prompts": sum(is_false for _, is_false in outcomes),
        "batch": load_project(path).workload.batch,
        "left": len(left_copies(state, path)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
