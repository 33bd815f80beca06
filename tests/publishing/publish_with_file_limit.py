"""Publish while no file may exceed a size: ``publish_with_file_limit.py HOME BYTES``."""

import resource
import sys
from pathlib import Path

from small_warehouse import release_inputs

from publishing.release import publish

if __name__ == "__main__":
    # Python ignores SIGXFSZ, so a write beyond the limit fails as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
    publish(Path(sys.argv[1]), release_inputs("b"))
