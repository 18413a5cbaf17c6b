"""A second worker joins in the middle of a run, the first leaves by SIGTERM; the run ends as if nothing had been.

    python -m benchmarks.join_and_leave --tiles 400

The stack of `benchmarks.kill_nine`, whose worker leaves and is not started again; the second one is started with the command of
docs/running.md for the queue `heavy`. Exit code 1 when the outcome differs from an undisturbed run's.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import crowd_site, kill_nine, small_tiles
from scripts.demo import BIN
from scripts.supervise import Program

SECOND = Program(
    "worker2",
    [str(BIN / "celery"), "-A", "amberapp", "worker", "--queues", "heavy", "--concurrency", "2"]
    + ["--max-memory-per-child", "1500000", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    + ["--hostname", "second@%h"],
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=400)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="amber-join-") as folder,
        crowd_site.database("sqlite") as address,
        kill_nine.stack(Path(folder), address) as (supervisor, _port),
    ):
        from detection.runs.runs import pause_run, resume_run, start_run

        region = small_tiles.make_region(options.tiles)
        undisturbed = start_run(region=region, acting_user=None)
        kill_nine.see_through(supervisor, undisturbed, lambda _done: None)
        outcome = small_tiles.outcome_of(undisturbed)
        small_tiles.forget_pixels(region)

        run = start_run(region=region, acting_user=None)
        second: set[str] = set()
        step = "join"

        def look(done: int) -> None:
            nonlocal step
            pid = supervisor.process_of("worker2") if step != "join" else None
            children = kill_nine.children_of(pid) if pid is not None else []
            for owner in run.shards.filter(state="running").values_list("lease_owner", flat=True):
                if any(f":{child}:" in owner for child in children):
                    second.add(owner)
            if step == "join" and done >= options.tiles // 8:
                supervisor.start(SECOND)
                # A small run would be over before a worker has started, so it waits for it.
                pause_run(run=run, acting_user=None)
                log = Path(folder) / "log" / "worker2.log"
                supervisor.wait_for(lambda: " ready." in log.read_text(errors="replace"), 120)
                resume_run(run=run, acting_user=None)
                print(f"the second worker joins at {done} tiles")
                step = "leave"
            elif step == "leave" and second:
                began = time.monotonic()
                supervisor.forget("worker")
                print(f"the first worker leaves at {done} tiles, in {time.monotonic() - began:.1f} s")
                step = "end"

        kill_nine.see_through(supervisor, run, look)
        problems = small_tiles.differences(outcome, small_tiles.outcome_of(run))
        problems += [] if run.state == "done" else [f"the run is {run.state}"]
        problems += [] if step == "end" else ["the run ended before the workers changed"]
        print(f"the second worker did at least {len(second)} shards")
    for problem in problems[:20]:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "0 tiles lost, 0 twice, every byte the same")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
