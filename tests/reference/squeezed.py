"""Runs a command on a machine that has less: fewer cpus, lower limits, another user.

    python squeezed.py '{"cpus": [0], "memlock": 0, "fsize": 4096, "user": 65534}' PROGRAM ARGUMENT…

`small_disk` makes the command line that runs a shell script with a small file system at a folder.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["small_disk"]


def small_disk(folder: Path, size: str, script: str) -> list[str] | None:
    """Return a command that runs `script` (sh) with a tmpfs of `size` at `folder`, None where that is not permitted.

    Root needs a mount namespace for it, anybody else a user namespace too.
    """
    for options in ("-m", "-Urm"):
        begin = ["unshare", options, "sh", "-c", 'mount -t tmpfs -o "size=$2,mode=0700" tmpfs "$1" && eval "$3"', "sh"]
        try:
            if subprocess.run([*begin, str(folder), "64k", "true"], capture_output=True, check=False).returncode == 0:
                return [*begin, str(folder), size, script]
        except OSError:
            return None
    return None


def main() -> None:
    wishes = json.loads(sys.argv[1])
    if "cpus" in wishes:
        os.sched_setaffinity(0, wishes["cpus"])
    for name, number in (("memlock", resource.RLIMIT_MEMLOCK), ("fsize", resource.RLIMIT_FSIZE), ("files", resource.RLIMIT_NOFILE)):
        if name in wishes:
            resource.setrlimit(number, (wishes[name], wishes[name]))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if "user" in wishes:
        os.setgroups([])
        os.setresgid(*[wishes["user"]] * 3)
        os.setresuid(*[wishes["user"]] * 3)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
