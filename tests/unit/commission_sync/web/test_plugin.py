"""The plugin costs nothing in the processes that serve no pages."""

import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parents[4] / "plugins" / "hubspot_commission_sync.py"


def test_importing_the_pages_does_not_build_them():
    told = (
        "import sys, commission_sync.web; print(sorted({'fastapi', 'jinja2', 'psycopg', 'airflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plugin_serves_them_below_hubspot():
    told = (
        "import runpy, sys; found = runpy.run_path(sys.argv[1])['HubSpotCommissionSync'].fastapi_apps; "
        "print([(app['url_prefix'], callable(app['app'])) for app in found])"
    )
    done = subprocess.run([sys.executable, "-c", told, str(PLUGIN)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[('/hubspot', True)]"
