"""An appliance below a home that is configured already, and the synthetic call through it: `one_call.py HOME`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tavs.demo.place import Parties, payloads, place
from tavs.demo.show import HERE
from tavs.host.home import Home
from tavs.run import Appliance
from tavs.store import view

PATIENCE_S = 40.0


async def main(home: Home) -> None:
    script = json.loads((HERE / "call.json").read_text(encoding="utf-8"))
    box = Appliance(home)
    async with box.running():
        print("ready", flush=True)
        _, host, port = box.sip_addresses[0].split(":")
        parties = Parties(customer_number=script["customer_number"], agent_extension=script["agent_extension"])
        await place(host, int(port), payloads(HERE / "call.wav"), parties)
        async with asyncio.timeout(PATIENCE_S):
            while not any(call["artifacts"] for call in view.calls(home)):
                await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(Home(Path(sys.argv[1]))))
