"""Every word the agents' page says, in Danish and in English.

1. A text stands here once; templates ask for it by key, the script is given those that `panel.html` lists.
2. `{name}` marks what the script fills in. Nothing of a call is ever part of a text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Language = Literal["da", "en"]
LANGUAGES: tuple[Language, ...] = ("da", "en")


def texts_in(language: Language) -> Callable[[str], str]:
    """A function from key to text in `language`. It raises `KeyError` for a key that is not below."""
    column = LANGUAGES.index(language)
    return lambda key: TEXTS[key][column]


TEXTS: dict[str, tuple[str, str]] = {
    # Signing in and out
    "sign_in": ("Log ind", "Sign in"),
    "account": ("Bruger", "Account"),
    "password": ("Adgangskode", "Password"),
    "sign_in_about": (
        "Du ser kun opkald på dine egne lokalnumre. Navne, numre og adresser er skjult.",
        "You see calls on your own extensions only. Names, numbers and addresses are masked.",
    ),
    "sign_out": ("Log ud", "Sign out"),
    "wrong_login": ("Brugeren eller adgangskoden er ikke rigtig.", "The account or the password is not right."),
    "login_limited": (
        "For mange forsøg. Vent et minut, og prøv igen.",
        "Too many attempts. Wait a minute, then try again.",
    ),
    "form_expired": ("Siden var for gammel. Prøv igen.", "The page was too old. Please try again."),
    "no_extension": (
        "Brugeren har intet lokalnummer endnu. Spørg den, der passer boksen.",
        "The account has no extension yet. Ask whoever looks after the box.",
    ),
    "no_script": ("Siden kræver JavaScript.", "This page needs JavaScript."),
    # Around the page
    "title": ("Tavs", "Tavs"),
    "skip": ("Gå til forslag", "Skip to suggestions"),
    "menu": ("Menu", "Menu"),
    "language": ("Sprog", "Language"),
    "extension": ("Lokalnummer", "Extension"),
    "extensions": ("Lokalnumre", "Extensions"),
    "calls": ("Opkald", "Calls"),
    "call_state": ("Opkaldets tilstand", "State of the call"),
    "suggestions": ("Forslag", "Suggestions"),
    "earlier": ("Tidligere i opkaldet", "Earlier in the call"),
    "conversation": ("Samtale", "Conversation"),
    "close": ("Luk", "Close"),
    # Connection
    "connection": ("Forbindelse", "Connection"),
    "connecting": ("Forbinder", "Connecting"),
    "connected": ("Forbundet", "Connected"),
    "reconnecting": ("Forbinder igen", "Reconnecting"),
    "offline": ("Ingen forbindelse", "No connection"),
    "stale": ("Det viste kan være gammelt.", "What is shown may be old."),
    "retry_in": ("Prøver igen om {seconds} s.", "Trying again in {seconds} s."),
    "retrying": ("Prøver igen nu.", "Trying again now."),
    "retry_now": ("Prøv nu", "Try now"),
    # State of a call
    "recorded": ("Optages", "Recorded"),
    "was_recorded": ("Optaget", "Recorded"),
    "not_recorded": ("Optages ikke", "Not recorded"),
    "consent_yes": ("Samtykke givet", "Consent given"),
    "consent_no": ("Samtykke afvist", "Consent declined"),
    "consent_open": ("Samtykke ikke afklaret", "Consent not settled"),
    "call_running": ("I gang", "Running"),
    "call_ended": ("Opkaldet er slut", "Call ended"),
    "call_ended_at": ("Slut kl. {time}", "Ended {time}"),
    "call_from": ("Kl. {time}", "{time}"),
    "call_began": ("Nyt opkald på {extension}", "New call on {extension}"),
    "no_calls": ("Ingen opkald lige nu", "No calls right now"),
    "no_calls_about": (
        "Næste opkald på {extension} kommer frem her af sig selv.",
        "The next call on {extension} appears here by itself.",
    ),
    "duration": ("Varighed", "Duration"),
    # Advice
    "paused": ("Forslag på pause", "Suggestions paused"),
    "paused_behind": (
        "Boksen er bagud. Forslagene kommer igen, når den har indhentet samtalen.",
        "The box is behind. Suggestions return when it has caught up.",
    ),
    "paused_language": (
        "Der tales et andet sprog end det, boksen forstår. Teksten vises ikke.",
        "Another language is spoken than the box understands. The text is not shown.",
    ),
    "paused_attribution": (
        "Det er ikke sikkert, hvem af de to der er kunden. Derfor gives ingen forslag.",
        "It is not certain which of the two is the customer, so nothing is suggested.",
    ),
    "no_suggestions": (
        "Her vises det i vilkårene, som passer til samtalen.",
        "What fits the conversation in the terms appears here.",
    ),
    "no_suggestions_ended": ("Ingen forslag i opkaldet.", "No suggestions in this call."),
    "new_suggestion": ("Nyt forslag: {what}", "New suggestion: {what}"),
    "newer": ("Nyt", "New"),
    "newer_many": ("{count} nye", "{count} new"),
    "show_section": ("Vis hele punktet", "Show whole section"),
    "hide_section": ("Skjul punktet", "Hide section"),
    "section_loading": ("Henter punktet …", "Fetching the section …"),
    "section_failed": ("Punktet kunne ikke hentes.", "The section could not be fetched."),
    "section_version": ("Vilkår {version}", "Terms {version}"),
    "useful": ("Nyttigt", "Useful"),
    "not_useful": ("Ikke nyttigt", "Not useful"),
    "said": ("Sagt til kunden", "Said it"),
    "not_saved": ("Ikke gemt. Prøv igen.", "Not saved. Try again."),
    "assess": ("Vurdér forslaget", "Rate the suggestion"),
    "by_fallback": ("Valgt af boksen selv", "Picked by the box itself"),
    # Conversation
    "customer": ("Kunde", "Customer"),
    "agent": ("Dig", "You"),
    "unknown": ("Ukendt", "Unknown"),
    "no_text": ("Intet sagt endnu.", "Nothing said yet."),
    "to_end": ("Til det nyeste", "To the latest"),
    "gap_silence": ("Stilhed {seconds} s", "Silence {seconds} s"),
    "gap_loss": ("Lyd mangler", "Sound is missing"),
    "gap_interrupted": ("Afbrudt: her mangler tale", "Interrupted: speech is missing"),
    "gap_overload": ("Boksen var bagud: her mangler tale", "The box was behind: speech is missing"),
    "gap_speech": ("Her kunne talen ikke skrives ned", "Speech could not be written down here"),
    "gap_withheld": ("Tilbageholdt af hensyn til kunden", "Withheld to protect the customer"),
    "gap_relay": ("Her mangler tekst", "Text is missing here"),
    "gap_language": ("Andet sprog: teksten vises ikke", "Another language: the text is not shown"),
    # What stands in for what was masked
    "mask_PERSON": ("navn", "name"),
    "mask_ADDRESS": ("adresse", "address"),
    "mask_LOCATION": ("sted", "place"),
    "mask_ORG": ("firma", "company"),
    "mask_PHONE": ("telefon", "phone"),
    "mask_EMAIL": ("e-mail", "e-mail"),
    "mask_CPR": ("CPR", "CPR"),
    "mask_CARD": ("kort", "card"),
    "mask_ACCOUNT": ("konto", "account"),
    "mask_IBAN": ("IBAN", "IBAN"),
    "mask_PLATE": ("nummerplade", "number plate"),
    "mask_VIN": ("stelnummer", "chassis number"),
    "mask_PASSPORT": ("pas", "passport"),
    "mask_POLICY": ("police", "policy"),
    "mask_CLAIM": ("skadenummer", "claim number"),
    "mask_NUMBER": ("nummer", "number"),
    "mask_HEALTH": ("helbred", "health"),
    "mask_DATE_OF_BIRTH": ("fødselsdato", "date of birth"),
    "mask_URL_USER": ("brugernavn", "user name"),
    "masked": ("skjult", "masked"),
    # Keyboard
    "shortcuts": ("Genveje", "Shortcuts"),
    "shortcuts_about": (
        "De virker på det øverste eller det åbne forslag, og ikke mens du skriver i et felt.",
        "They act on the topmost or the open suggestion, and not while you type in a field.",
    ),
    "shortcuts_on": ("Brug genveje", "Use shortcuts"),
    "key_section": ("Vis eller skjul hele punktet", "Show or hide the whole section"),
    "key_useful": ("Forslaget var nyttigt", "The suggestion was useful"),
    "key_not_useful": ("Forslaget var ikke nyttigt", "The suggestion was not useful"),
    "key_said": ("Jeg sagde det til kunden", "I said it to the customer"),
    "key_newest": ("Vis det nyeste forslag", "Show the newest suggestion"),
    "key_call": ("Næste opkald i listen", "Next call in the list"),
    "key_end": ("Gå til det nyeste i samtalen", "Go to the latest of the conversation"),
    "key_help": ("Vis genvejene", "Show the shortcuts"),
}
