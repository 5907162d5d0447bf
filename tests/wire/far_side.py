"""The other end of the wire: an advisory model that answers over TLS, and everything that arrives, frame by frame.

`far_side.py ADDRESS INTERFACE FOLDER` prints the model's URL; at SIGTERM it leaves `frames.bin` (each with its length in
front, 4 bytes) and `received.bin`, what the model was told in clear, in the folder.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from scripted import Scripted, certificate, chooses

ALL_PROTOCOLS = 0x0003
"""ETH_P_ALL of linux/if_ether.h."""
MOST_FRAMES = 100_000


def capture(interface: str, frames: list[bytes]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as raw:
        raw.bind((interface, 0))
        while len(frames) < MOST_FRAMES:
            frame, (_, _, kind, *_) = raw.recvfrom(65536)
            if kind != socket.PACKET_OUTGOING:
                frames.append(frame)


async def main(address: str, interface: str, folder: Path) -> None:
    frames: list[bytes] = []
    threading.Thread(target=capture, args=(interface, frames), daemon=True).start()
    _, tls = certificate(folder, address, datetime.now(UTC))
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with Scripted(chooses("S1"), tls=tls, host=address) as model:
        print(model.url, flush=True)
        await stopped.wait()
        (folder / "received.bin").write_bytes(bytes(model.received))
    (folder / "frames.bin").write_bytes(b"".join(len(each).to_bytes(4, "big") + each for each in frames))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
