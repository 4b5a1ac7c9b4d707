"""The documentation page's own parts; a browser looks at it elsewhere."""

from __future__ import annotations

import subprocess
import sys


def test_the_files_of_swagger_ui_come_without_flask() -> None:
    """The package that brings them imports it, which no start of a server should wait for."""
    script = """
import sys
from cloudsvc.api.documentation import Documentation
from cloudsvc.extend import NoSettings
Documentation(NoSettings(), None)
print("flask" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=20)
    assert done.stdout == "False\n"
