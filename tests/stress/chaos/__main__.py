"""Chaos on the bridge to Redis: everything that can be killed, stalled or cut is, while events flow; then each client's book is judged.

    HERMES_SERVER=... python3 tests/stress/chaos --mode streams|pubsub [--kills 5] [--seconds 25] [--seed 1] [--clients 60] [--cuts auto|proxies]
    HERMES_SERVER=... python3 tests/stress/chaos --mode streams|pubsub --soak [--seconds 20] ...

Streams mode: every client has exactly what was acknowledged to publishers, once and in Redis's order. Pub/sub mode: whoever misses an event was
told of a gap. With --soak the servers live through all of it, in rounds at whose end their descriptors and memory are looked at. The last line
has the counts; the exit status is 1 if there is any complaint."""
import argparse
import asyncio
import os
import resource
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cuts
from run import Run
from soak import Soak


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["streams", "pubsub"], required=True)
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--kills", type=int, default=5, help="of Redis; in a soak there is one in each round")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--cuts", choices=["auto", "proxies"], default="auto")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    options = parser.parse_args()
    options.seconds = options.seconds or (20 if options.soak else 25)
    return options


async def chaos(run, options):
    await run.begin()
    await run.come()
    await run.round(options.seconds, options.kills, (run.faults.connections, run.faults.cuts, run.faults.servers))
    await run.end()


def main():
    options = arguments()
    if options.cuts == "auto":
        cuts.own_network()
    directory = tempfile.mkdtemp(prefix="hermes-chaos-")
    run = Run(options, directory, cuts.cutter(options.cuts))
    soak = None
    try:
        soak = Soak(run) if options.soak else None
        asyncio.run(soak.go(options.seconds) if soak else chaos(run, options))
    finally:
        codes = run.world.close()
    verdict = run.verdict
    verdict.complaints += [f"a server ended with {code}" for code in codes]
    for line in verdict.complaints:
        print(f"chaos: {line}")
    figures = {"acknowledged": run.acknowledged, "rate": f"{run.rate():.0f}", **run.figures,
               **{f"fault_{k}": v for k, v in run.faults.counts.items()}, **verdict.counts,
               "python_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, **(soak.figures() if soak else {})}
    print(f"chaos {options.mode}{' soak' if soak else ''}: seed={options.seed} cuts={run.world.cutter.name} " +
          f"seconds={time.monotonic() - run.started:.0f} " + " ".join(f"{name}={value}" for name, value in figures.items()))
    if verdict.complaints or options.keep:
        print(f"chaos: logs in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
