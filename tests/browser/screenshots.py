"""Pictures of the agents' page in every state that matters, to be looked at: build/screenshots/*.png (`make screenshots`)."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from chromium import chromium, sign_in, window
from playwright.sync_api import Browser, Page
from stage import Stage
from tavs.events import CallId, Channel, Gap, GapKind

C, A = Channel.CUSTOMER, Channel.AGENT
TALK: tuple[tuple[int, Channel, str], ...] = (
    (2, A, "Velkommen til Nordhavn Forsikring, du taler med <PERSON_1>."),
    (5, C, "Ja hej, mit navn er <PERSON_2>. Jeg vil gerne anmelde en vandskade."),
    (11, A, "Det skal jeg nok hjælpe dig med. Hvad er dit CPR-nummer?"),
    (15, C, "Det er <CPR_1>."),
    (19, A, "Tak. Og du bor stadig på <ADDRESS_1>?"),
    (23, C, "Ja, det gør jeg."),
    (27, C, "Det er i kælderen. Der står vand på gulvet, og vi har en del ting stående dernede."),
    (36, A, "Det er jeg ked af at høre. Ved du, hvor vandet kommer fra?"),
    (41, C, "Det drypper fra et rør oppe under loftet. Vaskemaskinen står lige ved siden af."),
    (52, C, "Jeg tror faktisk, det har stået på i et stykke tid, for væggen er helt mørk."),
    (61, A, "Har du lukket for vandet?"),
    (65, C, "Ja, naboen <PERSON_3> hjalp mig. Du kan ringe på <PHONE_1>, hvis det er."),
)
SUGGESTED = ((9, "1.2"), (29, "3.4"), (47, "2.1"), (58, "4.2"))


def talk(stage: Stage, *, ago_s: float = 74.0, count: int = len(TALK), suggested: int = len(SUGGESTED)) -> CallId:
    call = stage.call(ago_s=ago_s)
    for at_s, channel, text in TALK[:count]:
        stage.say(call, channel, text, at_s * 1000)
    for at_s, number in SUGGESTED[:suggested]:
        stage.suggest(call, number, t_ms=at_s * 1000)
    return call


def settle(page: Page) -> None:
    """Let the cue of a new suggestion run out."""
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")


def busy(stage: Stage, page: Page) -> None:
    talk(stage)
    page.locator("#featured .name", has_text="Udstrømning af vand").wait_for()
    settle(page)


def opened(stage: Stage, page: Page) -> None:
    busy(stage, page)
    page.keyboard.press("Alt+Digit1")
    page.locator(".section mark").wait_for()
    page.keyboard.press("Alt+Digit2")
    stage.suggest(next(iter(stage.board._calls)), "2.1")
    page.locator("#newest").wait_for()


def history(stage: Stage, page: Page) -> None:
    stage.end(talk(stage, ago_s=900, count=4, suggested=1))
    stage.end(talk(stage, ago_s=500, count=6, suggested=0))
    busy(stage, page)


def quiet(stage: Stage, page: Page) -> None:
    call = stage.call(ago_s=6, recorded=True, consent=None)
    stage.say(call, A, TALK[0][2], 2000)
    page.locator("#text .agent").wait_for()


def behind(stage: Stage, page: Page) -> None:
    call = talk(stage, suggested=2)
    stage.say(call, C, "Og så er der jo også gulvtæppet.", 70000, late_ms=9000)
    stage.miss(Gap(kind=GapKind.OVERLOAD, call=call, t0_ms=72000, t1_ms=74000))
    page.locator("#pause").wait_for()
    settle(page)


def language(stage: Stage, page: Page) -> None:
    call = talk(stage, count=1, suggested=0)
    stage.miss(Gap(kind=GapKind.LANGUAGE, call=call, t0_ms=9000, t1_ms=16000))
    page.locator("#pause").wait_for()


def attribution(stage: Stage, page: Page) -> None:
    call = stage.call(ago_s=31)
    stage.describe(call, attributed=False, recorded=False, consent=False)
    stage.say(call, Channel.UNKNOWN, "Jeg ringer om den vandskade, vi talte om i går.", 8000)
    page.locator("#pause").wait_for()


def ended(stage: Stage, page: Page) -> None:
    stage.end(talk(stage))
    page.locator("body[data-call=ended]").wait_for()
    settle(page)


def offline(stage: Stage, page: Page) -> None:
    talk(stage)
    page.locator("#featured .card").wait_for()
    page.context.set_offline(True)
    stage.fall()
    page.locator("#trouble").wait_for()
    settle(page)


def helped(stage: Stage, page: Page) -> None:
    busy(stage, page)
    page.keyboard.press("Alt+Digit0")


def menu(stage: Stage, page: Page) -> None:
    busy(stage, page)
    page.locator("#menu summary").click()


def empty(stage: Stage, page: Page) -> None:
    page.locator("#nothing").wait_for()


Scene = Callable[[Stage, Page], None]
SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (empty, quiet, busy, opened, history, behind, language, attribution, ended, offline, helped, menu)
}  # fmt: skip
SHAPES = {"window": (420, 900), "narrow": (360, 740), "wide": (1100, 720)}
PICTURES = [
    *((scene, "window", scheme, "da") for scene in SCENES for scheme in ("light", "dark")),
    *((scene, "narrow", "light", "da") for scene in ("busy", "opened", "history", "behind")),
    *((scene, "wide", "light", "da") for scene in ("busy", "opened", "empty")),
    *((scene, "window", "light", "en") for scene in ("busy", "attribution", "helped")),
    ("busy", "wide", "dark", "en"),
]


def door(browser: Browser, folder: Path, scheme: str, *, wrong: bool = False) -> None:
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place))
        page = window(browser, width=420, height=700, color_scheme=scheme)
        page.goto(f"{stage.address}/login")
        if wrong:
            sign_in(page, stage, password="noget helt andet")
            page.locator(".problem").wait_for()
        page.screenshot(path=folder / f"signin-{'wrong-' if wrong else ''}{scheme}.png")
        page.context.close()
        stage.fall()


def take(browser: Browser, folder: Path, scene: str, shape: str, scheme: str, language: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place))
        width, height = SHAPES[shape]
        page = window(browser, width=width, height=height, color_scheme=scheme)
        sign_in(page, stage)
        if language == "en":
            page.locator("#menu summary").click()
            page.locator("button[value=en]").click()
        page.locator("#connection[data-state=connected]").wait_for()
        SCENES[scene](stage, page)
        page.screenshot(path=folder / f"{scene}-{shape}-{scheme}-{language}.png")
        page.context.close()
        stage.fall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--scene", choices=SCENES, help="this one alone")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        if options.scene is None:
            for scheme in ("light", "dark"):
                door(browser, options.folder, scheme)
                door(browser, options.folder, scheme, wrong=True)
        for picture in PICTURES:
            if options.scene in (None, picture[0]):
                take(browser, options.folder, *picture)
    print(f"{len(list(options.folder.glob('*.png')))} pictures in {options.folder}")


if __name__ == "__main__":
    main()
