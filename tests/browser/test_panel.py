"""The agents' page in a real browser, in front of the real routes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chromium import sign_in
from playwright.sync_api import Page, expect
from stage import EXTENSION, OTHER_ACCOUNT, OTHER_EXTENSION, SECTIONS, Stage
from tavs.events import Channel, Gap, GapKind

C, A = Channel.CUSTOMER, Channel.AGENT
OpenWindow = Callable[..., Page]


def said(page: Page) -> list[str]:
    return page.locator("#text p > span:last-child").all_inner_texts()


def test_an_agent_signs_in_and_is_told_that_no_call_is_on(page: Page, stage: Stage) -> None:
    expect(page.locator("#nothing h2")).to_have_text("Ingen opkald lige nu")
    expect(page.locator("#nothing p")).to_contain_text(EXTENSION)
    assert f"{stage.address}/" == page.url


def test_a_wrong_password_is_refused_without_saying_which_of_the_two_was_wrong(
    open_window: OpenWindow, stage: Stage
) -> None:
    messages = []
    for account in ("sofie", "nobody"):
        page = open_window()
        sign_in(page, stage, account=account, password="ikke den rigtige kode")
        messages.append(page.locator("[role=alert]").inner_text())
        assert page.url.endswith("/login")
    assert ["Brugeren eller adgangskoden er ikke rigtig."] * 2 == messages


def test_words_and_suggestion_of_a_call_appear_by_themselves(page: Page, stage: Stage) -> None:
    call = stage.call(recorded=True, consent=None)
    stage.say(call, C, "Der står vand på gulvet i kælderen.", 1000)
    stage.suggest(call, "4.2")
    expect(page.locator("#text .customer")).to_contain_text("Der står vand på gulvet i kælderen.")
    expect(page.locator("#featured .place")).to_have_text("Indbo 4.2")
    expect(page.locator("#featured .name")).to_have_text("Udstrømning af vand")
    expect(page.locator("#featured .quote")).to_contain_text("Langsom udsivning")
    expect(page.locator("#recorded")).to_have_text("Optages")
    expect(page.locator("#consent")).to_have_text("Samtykke ikke afklaret")
    expect(page.locator("#said-aloud")).to_contain_text("Nyt forslag: Indbo 4.2, Udstrømning af vand")


def test_what_was_masked_reads_as_a_quiet_word(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Jeg er <PERSON_2>, mit nummer er <CPR_1> eller <CPR_2>, og <NEW_KIND_1>.")
    expect(page.locator("#text .customer .mask")).to_have_text(["navn 2", "CPR", "CPR 2", "skjult"])


def test_recorded_and_consent_follow_the_call(page: Page, stage: Stage) -> None:
    call = stage.call(recorded=False, consent=None)
    expect(page.locator("#recorded")).to_have_text("Optages ikke")
    stage.describe(call, recorded=True, consent=True)
    expect(page.locator("#recorded")).to_have_text("Optages")
    expect(page.locator("#consent")).to_have_text("Samtykke givet")
    stage.describe(call, recorded=True, consent=False)
    expect(page.locator("#consent")).to_have_text("Samtykke afvist")


def test_one_click_opens_the_whole_section_and_marks_the_quoted_sentence(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    suggestion = stage.suggest(call, "4.2")
    page.locator("#featured .opener").click()
    expect(page.locator(".section p").first).to_have_text(SECTIONS[0].text)
    expect(page.locator(".section mark")).to_have_text(
        "Langsom udsivning og dryp, som har fundet sted over tid, er undtaget."
    )
    assert [(suggestion, "opened")] == stage.verdicts()
    page.locator("#featured .opener").click()
    expect(page.locator(".section")).to_be_hidden()


def test_feedback_reaches_the_store_and_a_change_of_mind_too(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    suggestion = stage.suggest(call, "4.2")
    useful, not_useful, told = (
        page.locator(f"#featured [data-verdict={each}]") for each in ("useful", "not_useful", "said")
    )
    with page.expect_response("**/feedback"):
        useful.click()
    with page.expect_response("**/feedback"):
        told.click()
    with page.expect_response("**/feedback"):
        not_useful.click()
    expect(useful).to_have_attribute("aria-pressed", "false")
    expect(not_useful).to_have_attribute("aria-pressed", "true")
    assert [(suggestion, "said"), (suggestion, "not_useful")] == stage.verdicts()


def test_feedback_that_was_not_saved_says_so_and_is_not_shown_as_given(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    stage.suggest(call, "4.2")
    page.route("**/feedback", lambda route: route.abort())
    page.locator("#featured [data-verdict=useful]").click()
    expect(page.locator("#featured .unsaved")).to_have_text("Ikke gemt. Prøv igen.")
    expect(page.locator("#featured [data-verdict=useful]")).to_have_attribute("aria-pressed", "false")
    assert [] == stage.verdicts()


def test_a_suggestion_that_is_read_stays_where_it_is_until_the_newer_one_is_asked_for(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    stage.suggest(call, "3.4")
    page.locator("#featured .opener").click()
    before = page.locator("#featured .card").bounding_box()
    stage.suggest(call, "4.2")
    expect(page.locator("#newest")).to_have_text("Nyt: Indbo 4.2 Udstrømning af vand")
    assert before == page.locator("#featured .card").bounding_box()
    page.locator("#newest").click()
    expect(page.locator("#featured .place")).to_have_text("Indbo 4.2")
    expect(page.locator("#earlier .place")).to_have_text(["Hus 3.4"])


def test_a_pointer_on_the_suggestions_holds_newer_ones_back_and_lets_them_in_when_it_goes(
    page: Page, stage: Stage
) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    stage.suggest(call, "3.4")
    page.locator("#featured .quote").hover()
    stage.suggest(call, "4.2")
    expect(page.locator("#newest")).to_be_visible()
    expect(page.locator("#featured .place")).to_have_text("Hus 3.4")
    page.mouse.move(200, 10)
    expect(page.locator("#featured .place")).to_have_text("Indbo 4.2")
    expect(page.locator("#newest")).to_be_hidden()


def test_nothing_is_lost_or_doubled_when_the_stream_is_cut(page: Page, stage: Stage) -> None:
    call = stage.call()
    sentences = [f"Sætning nummer {number}." for number in range(30)]
    for number, sentence in enumerate(sentences):
        if number in (7, 20):
            stage.cut()
        stage.say(call, C, sentence, number * 1000)
    expect(page.locator("#text p")).to_have_count(30)
    assert sentences == said(page)
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_desk_that_was_gone_is_waited_for_and_then_caught_up_with(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Før.", 1000)
    stage.suggest(call, "2.1")
    expect(page.locator("#featured .card")).to_be_visible()
    stage.fall()
    page.locator("#trouble[data-state=offline]").wait_for(timeout=30000)
    expect(page.locator("#trouble")).to_contain_text("Ingen forbindelse. Det viste kan være gammelt. Prøver igen om")
    expect(page.locator("#text .customer")).to_contain_text("Før.")
    stage.rise()
    stage.say(call, C, "Efter.", 9000)
    page.locator("#trouble button").click()
    expect(page.locator("#trouble")).to_be_hidden(timeout=20000)
    expect(page.locator("#text p")).to_have_count(2)
    assert ["Før.", "Efter."] == said(page)
    expect(page.locator(".card")).to_have_count(1)


def test_a_desk_that_has_begun_again_asks_for_a_new_sign_in(page: Page, stage: Stage) -> None:
    stage.fall()
    stage.begin_again()
    page.wait_for_url("**/login", timeout=30000)


def test_signing_out_in_another_tab_signs_out_here_too(page: Page, stage: Stage) -> None:
    other = page.context.new_page()
    other.goto(stage.address)
    other.locator("#menu summary").click()
    other.locator("#sign-out").click()
    other.wait_for_url("**/login")
    page.wait_for_url("**/login")


def test_another_agents_call_is_not_visible(page: Page, open_window: OpenWindow, stage: Stage) -> None:
    other = open_window()
    sign_in(other, stage, account=OTHER_ACCOUNT)
    call = stage.call(extension=OTHER_EXTENSION)
    stage.say(call, C, "Kun for den anden.")
    suggestion = stage.suggest(call, "4.2")
    expect(other.locator("#text .customer")).to_contain_text("Kun for den anden.")
    own = stage.call()
    stage.say(own, C, "Min egen.")
    expect(page.locator("#text .customer")).to_contain_text("Min egen.")
    assert "Kun for den anden." not in page.content()
    answers = page.evaluate(
        """async ([call, suggestion]) => {
          const token = document.querySelector('meta[name=token]').content;
          const section = await fetch(`/section/indboforsikring/4.2?call=${call}`);
          const feedback = await fetch('/feedback', {method: 'POST', headers: {'Content-Type': 'application/json', 'X-Token': token},
            body: JSON.stringify({suggestion, verdict: 'useful'})});
          return [section.status, feedback.status];
        }""",
        [call, suggestion],
    )
    assert [404, 404] == answers
    assert [] == stage.verdicts()


def test_script_and_markup_in_a_call_stay_text(page: Page, stage: Stage) -> None:
    markup = '<img src=x onerror="window.was=1"> <script>window.was=1</script> &lt;b&gt; </p> <PERSON_1>'
    call = stage.call()
    stage.say(call, C, markup)
    stage.suggest(call, "4.2", quote="<b onclick='window.was=1'>fed</b>")
    expect(page.locator("#text .customer")).to_contain_text("<script>window.was=1</script> &lt;b&gt; </p>")
    expect(page.locator("#featured .quote")).to_have_text("<b onclick='window.was=1'>fed</b>")
    assert 0 == page.locator("#text img, #text script, #featured b").count()
    assert page.evaluate("window.was === undefined")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("behind", "Boksen er bagud."),
        ("language", "Der tales et andet sprog"),
        ("attribution", "Det er ikke sikkert, hvem af de to der er kunden."),
    ],
)
def test_paused_advice_is_shown_and_spoken_with_its_reason(page: Page, stage: Stage, kind: str, words: str) -> None:
    call = stage.call()
    stage.say(call, C, "Hej.")
    expect(page.locator("#pause")).to_be_hidden()
    if kind == "behind":
        stage.say(call, C, "For sent.", 3000, late_ms=9000)
    elif kind == "language":
        stage.miss(Gap(kind=GapKind.LANGUAGE, call=call, t0_ms=3000, t1_ms=5000))
    else:
        stage.describe(call, attributed=False)
    expect(page.locator("#pause")).to_contain_text("Forslag på pause")
    expect(page.locator("#pause")).to_contain_text(words)
    expect(page.locator("#said-aloud")).to_contain_text(words)


def test_a_call_that_ended_stays_and_the_next_one_comes_to_the_front(page: Page, stage: Stage) -> None:
    first = stage.call(ago_s=65)
    stage.say(first, C, "Det første opkald.")
    stage.end(first)
    expect(page.locator("#ended")).to_contain_text("Slut kl.")
    expect(page.locator("#timer")).to_have_text("01:05")
    second = stage.call()
    stage.say(second, C, "Det andet opkald.")
    expect(page.locator("#text .customer")).to_contain_text("Det andet opkald.")
    tabs = page.locator("#calls button")
    expect(tabs).to_have_count(2)
    expect(tabs.first).to_have_text("I gang")
    expect(tabs.first).to_have_attribute("aria-current", "true")
    tabs.last.click()
    expect(page.locator("#text .customer")).to_contain_text("Det første opkald.")


def test_what_was_held_back_comes_in_where_it_was_said(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "først", 1000)
    stage.say(call, A, "sidst", 9000)
    stage.say(call, C, "imellem", 4000)
    expect(page.locator("#text p")).to_have_count(3)
    assert ["først", "imellem", "sidst"] == said(page)


def test_the_text_follows_the_call_only_while_its_end_is_in_sight(page: Page, stage: Stage) -> None:
    call = stage.call()
    for number in range(60):
        stage.say(call, C, f"Linje {number}.", number * 1000)
    expect(page.locator("#text p").last).to_be_in_viewport()
    page.locator("#text").hover()
    page.mouse.wheel(0, -2000)
    expect(page.locator("#text p").first).to_be_in_viewport()
    stage.say(call, C, "Den nye linje.", 70000)
    expect(page.locator("#to-end")).to_be_visible()
    expect(page.locator("#text p").last).not_to_be_in_viewport()
    page.locator("#to-end").click()
    expect(page.locator("#text p").last).to_be_in_viewport()
    expect(page.locator("#to-end")).to_be_hidden()


def test_a_long_call_keeps_the_page_small(page: Page, stage: Stage) -> None:
    call = stage.call()
    for number in range(700):
        stage.say(call, C if number % 2 else A, f"Sætning {number}.", number * 1000)
    for _ in range(40):
        stage.suggest(call, "4.2")
    expect(page.locator("#text p").last).to_contain_text("Sætning 699.")
    expect(page.locator("#text p")).to_have_count(300)
    expect(page.locator(".card")).to_have_count(30)


def test_the_whole_work_is_done_by_keyboard(open_window: OpenWindow, stage: Stage) -> None:
    page = open_window()
    page.goto(f"{stage.address}/login")
    page.keyboard.type("sofie")
    page.keyboard.press("Tab")
    page.keyboard.type("korrekt hest batteri")
    page.keyboard.press("Enter")
    page.locator("#connection[data-state=connected]").wait_for()
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    suggestion = stage.suggest(call, "4.2")
    expect(page.locator("#featured .card")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "opener":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".section p").first).to_be_visible()
    page.keyboard.press("Tab")
    with page.expect_response("**/feedback"):
        page.keyboard.press("Space")
    assert [(suggestion, "opened"), (suggestion, "useful")] == stage.verdicts()


def test_shortcuts_work_from_anywhere_and_can_be_switched_off(page: Page, stage: Stage) -> None:
    call = stage.call()
    stage.say(call, C, "Det drypper fra et rør.")
    suggestion = stage.suggest(call, "4.2")
    expect(page.locator("#featured .card")).to_be_visible()
    page.keyboard.press("Alt+Digit1")
    expect(page.locator(".section mark")).to_be_visible()
    with page.expect_response("**/feedback"):
        page.keyboard.press("Alt+Digit4")
    page.keyboard.press("1")
    expect(page.locator(".section mark")).to_be_visible()
    page.keyboard.press("Alt+Digit0")
    page.locator("#use-shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Digit1")
    page.keyboard.press("Alt+Digit2")
    expect(page.locator(".section mark")).to_be_visible()
    page.reload()
    page.locator("#featured .card").wait_for()
    page.keyboard.press("Alt+Digit1")
    expect(page.locator(".section mark")).to_have_count(0)
    assert [(suggestion, "opened"), (suggestion, "said")] == stage.verdicts()


def test_the_language_is_switched_and_stays_switched(page: Page, stage: Stage) -> None:
    page.locator("#menu summary").click()
    page.locator("button[value=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#nothing h2")).to_have_text("No calls right now")
    page.locator("#menu summary").click()
    page.locator("#sign-out").click()
    expect(page.locator("label[for=password]")).to_have_text("Password")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (360, 740), (320, 256), (1280, 800)])
def test_nothing_needs_to_be_scrolled_sideways(open_window: OpenWindow, stage: Stage, width: int, height: int) -> None:
    page = open_window(width=width, height=height)
    sign_in(page, stage)
    call = stage.call()
    stage.say(call, C, "Et meget langt ord: " + "erstatningsansvarsforsikringsbetingelser" * 4)
    stage.suggest(call, "1.2")
    stage.suggest(call, "4.2")
    expect(page.locator("#featured .card")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
