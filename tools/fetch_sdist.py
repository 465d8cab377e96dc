#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Downloads and unpacks the source package NAME VERSION into DIR.

Uses pip's own index settings (`pip download --no-binary`), with the build back
end's metadata step switched off: only the archive is wanted.
"""

import pathlib
import subprocess
import sys


def main() -> int:
    if len(sys.argv) != 4:
        print("usage: fetch_sdist.py NAME VERSION DIR", file=sys.stderr)
        return 2
    name, version, directory = sys.argv[1:]
    out = pathlib.Path(directory)
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
         "--disable-pip-version-check", "--no-binary", name,
         "-d", str(out), f"{name}=={version}"], check=True)
    archive = next(out.glob(f"{name}-{version}.tar.gz"))
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(out)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
