"""From an event on the desk to the words on the agent's screen, in Debian's Chromium over TLS: milliseconds beside the target.

The page stamps each new line when it enters the document and again when it has been painted; both clocks are this machine's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from chromium import chromium, sign_in, window
from stage import Stage
from tavs.events import Channel

TARGET_P95_MS = 250
WATCH = """() => {
  window.entered = {};
  window.painted = {};
  const now = () => performance.timeOrigin + performance.now();
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) {
      const [, number] = (node.textContent || '').match(/Sætning (\\d+)\\./) || [];
      if (!number) continue;
      window.entered[number] = now();
      requestAnimationFrame(() => setTimeout(() => { window.painted[number] = now(); }));
    }
  }).observe(document.getElementById('text'), {childList: true});
}"""


def measure(count: int, pause_s: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stage = Stage(Path(folder))
        page = window(browser)
        sign_in(page, stage)
        call = stage.call()
        page.locator("#text").wait_for()
        page.evaluate(WATCH)
        told: list[float] = []
        for number in range(count):
            told.append(time.time() * 1000)
            stage.say(call, Channel.CUSTOMER, f"Sætning {number}.", number * 1000)
            if number % 10 == 9:
                stage.suggest(call, "4.2", t_ms=number * 1000)
            time.sleep(pause_s)
        page.wait_for_function(f"Object.keys(window.painted).length === {count}")
        entered, painted = page.evaluate("[window.entered, window.painted]")
        stage.fall()
    return {
        "segments": count,
        "event_to_dom_p50_ms": _quantile([entered[str(each)] - at for each, at in enumerate(told)], 0.5),
        "event_to_dom_p95_ms": _quantile([entered[str(each)] - at for each, at in enumerate(told)], 0.95),
        "event_to_paint_p95_ms": _quantile([painted[str(each)] - at for each, at in enumerate(told)], 0.95),
        "target_p95_ms": TARGET_P95_MS,
    }


def _quantile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=300)
    parser.add_argument("--pause-s", type=float, default=0.05)
    options = parser.parse_args()
    print(json.dumps(measure(options.segments, options.pause_s), indent=1))


if __name__ == "__main__":
    main()
