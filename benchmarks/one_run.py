"""One sync of deals in a process of its own; prints what it took: `one_run.py URL TOKEN DSN INTEGRATION`."""

import sys
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

from airflow_hubspot.client import HubSpotClient
from commission_sync.operators.derivations import derivations
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync


def main(url: str, token: str, dsn: str, integration_id: str) -> None:
    started = time.monotonic()
    with closing(connect(dsn)) as conn, HubSpotClient(token=token, base_url=url) as client:
        with conn.transaction():
            company = integration(conn, UUID(integration_id))
        request = SyncRequest(Mode.INCREMENTAL, "bench", str(uuid4()))
        follow = derivations(DEALS, company, Settings())
        counts = StreamSync(DEALS, company, client, conn, Settings(), follow).run(request)
    cpu = time.process_time()
    print(
        f"seconds={time.monotonic() - started:.3f} cpu={cpu:.3f} calls={counts.api_calls} fetched={counts.fetched} "
        f"changed={counts.inserted + counts.updated} waited={counts.api_wait_ms / 1000:.3f} peak_mib={peak_mib():.1f}"
    )


def peak_mib() -> float:
    """Return the most memory this process has held; `ru_maxrss` would count the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
