"""What `export_map` and a comparison cost at ten thousand places: seconds, files, and the most memory.

    python -m benchmarks.static_copy [--places 10000] [--again] [--profile]

Makes a site of its own (SQLite) with two made releases: the second one has none of the places of the first half of the
list, and as many new ones. Then, each in a process of its own: the two releases are compared, the public map is copied
as plain files, and, with `--again`, copied once more over the first copy. `--profile` tells where the time of the first copy goes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import crowd_site
from benchmarks.public_map import made_content, write_made

SITE = "https://map.example.org"
PROGRAM = """
import cProfile, json, pstats, sys, time
import django
django.setup()
from pathlib import Path
from labeling.releases.catalogue import published_numbered
from labeling.releases.comparison import compare_releases
from labeling.public.static_copy import copy_site
what, folder = sys.argv[1], Path(sys.argv[2])
def work():
    if what == "compare":
        found = compare_releases(*(published_numbered("polissia", number) for number in (1, 2)))
        return {"changes": len(found.changes), "unchanged": found.unchanged}
    return copy_site(folder, site=sys.argv[3]).as_dict()
began, profile = time.perf_counter(), cProfile.Profile() if what == "profile" else None
told = profile.runcall(work) if profile else work()
told["what"], told["seconds"] = what, round(time.perf_counter() - began, 1)
status = open("/proc/self/status").read().split()
told["megabytes"] = int(status[status.index("VmHWM:") + 1]) // 1024
print(json.dumps(told))
if profile:
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="amber-copy-") as folder:
        home = Path(folder)
        crowd_site.prepare(home, "")
        publish(options.places)
        copy = home / "copy"
        turns = ["compare", "profile" if options.profile else "copy", *(["copy"] if options.again else [])]
        for what in turns:
            subprocess.run(
                [sys.executable, "-c", PROGRAM, what, str(copy), SITE],
                cwd=crowd_site.ROOT,
                env=crowd_site.environment(home, "") | {"AMBER_ALLOWED_HOSTS": "map.example.org"},
                check=True,
            )
        files = [path.stat().st_size for path in copy.rglob("*") if path.is_file()]
        print(json.dumps({"files": len(files), "megabytes of the copy": sum(files) // 2**20}))


def publish(places: int) -> None:
    """Two releases, each with so many places; half of them are the same."""
    from django.core.management import call_command

    from detection.models import ImagerySource, Region
    from labeling.releases.files.writers import build

    call_command("collectstatic", verbosity=0, interactive=False)
    source = ImagerySource.objects.create(name="Made", attribution="made for a measurement", synthetic=True)
    region = Region.objects.create(name="Polissia", slug="polissia", source=source)
    content = made_content(places + places // 2)
    for part in (content.places[:places], content.places[places // 2 :]):
        write_made(region, build(replace(content, places=part)))


if __name__ == "__main__":
    main()
