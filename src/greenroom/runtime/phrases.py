"""Yes, no, thanks, goodbye and "a person, please", and the few sentences that no entity writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from greenroom.runtime.matcher_text import stem, words

_COMMON = frozenset(
    words(
        "a about all also am an and any are as at be because been but by can could did do does doing for from "
        "get go going got had has have having he hello hi her here him his how i if in into is it its just know"
    )
    + words(
        "let like make may me might more much must my need no not now of off ok on one or our out please she "
        "should so some tell than thank thanks that the their them then there these they thing this those to"
    )
    + words("too up us very want was way we were what when where which who whom whose why will with would yes you your")
)

Answer = Literal["yes", "no", "other"]
Talk = Literal["greeting", "thanks", "goodbye", "person"]
Words = tuple[str, ...]


def _phrases(text: str) -> frozenset[Words]:
    return frozenset(words(phrase) for phrase in text.replace("\n", " ").split(";") if phrase.strip())


_YES = _phrases(
    "yes; yeah; yep; yup; ya; aye; sure; sure thing; please; please do; yes please; go ahead; of "
    "course; absolutely; definitely; certainly; sounds good; sounds great; that would be great; "
    "that would be good; that would be lovely; that would be helpful; that works; why not; do it; "
    "send it; text me; text it; i would; i would like that; i would love that; that is fine; i "
    "do; connect me; put me through; sí; claro; por favor; vale; de acuerdo; oui; bien sûr; "
    "d'accord; s'il vous plaît; s'il te plaît; ja; gerne; bitte; natürlich; sim; pode ser; certo; "
    "va bene; certamente; graag; はい; 是; 是的; 好的; да; نعم"
)
_WEAK_YES = _phrases("ok; okay; k; right; alright; all right; fine; great; good; perfect; cool; correct; lovely")
_NO = _phrases(
    "no; nope; nah; no thanks; no thank you; not now; not really; not today; rather not; i would "
    "rather not; do not; please do not; never mind; nevermind; no need; i am good; i am all set; "
    "no gracias; ahora no; non; non merci; nein; nein danke; não; não obrigado; no grazie; nee; "
    "いいえ; 不; 不用; нет; لا"
)
_SOFT = _phrases(
    "please; thanks; thank you; then; a text; the link; for me; that; it; now; very much; actually; oh; well"
)
_THANKS = _phrases(
    "thanks; thank you; cheers; ta; much appreciated; thx; gracias; merci; danke; obrigado; obrigada; grazie; dank je"
)
_GOODBYE = _phrases(
    "bye; goodbye; good bye; bye bye; see you; see you later; see you soon; good night; have a "
    "nice day; have a good day; have a great day; that is all; that is it; that will be all; "
    "nothing else; that is everything; hang up; end call; adios; hasta luego; au revoir; tschüss; "
    "auf wiedersehen; tchau; ciao; arrivederci; さようなら; 再见; до свидания"
)
_GREETING = _phrases(
    "hi; hello; hey; hiya; good morning; good afternoon; good evening; howdy; hola; buenos dias; "
    "bonjour; hallo; guten tag"
)
_POLITE = _phrases(
    "ok; okay; no; great; perfect; lovely; brilliant; super; wonderful; good; cool; very much; so "
    "much; a lot; again; then; for now; for your help; for the help; for that; that is great; "
    "that is helpful; you too; all good; there; now; i; mate"
)

_PERSON_WORD = (
    r"(?:person|human|human being|people|agent|operator|representative|rep|someone|somebody|receptionist|"
    r"reception|advisor|adviser|manager|supervisor|staff|member of staff|staff member|colleague|"
    r"customer service|live agent|front desk|assistant)"
)
_BETWEEN = (
    r"(?:(?:a|an|the|to|with|real|live|actual|human|your|one of your|another|different|you|through|over|"
    r"me|please) ){0,5}"
)
_PERSON = re.compile(
    r"\b(?:speak|talk|chat|connect|transfer|put|get|pass|switch|speaking|talking)(?: me)? "
    rf"{_BETWEEN}{_PERSON_WORD}\b"
    rf"|\b(?:want|need|give me|would like|like) (?:a|an|the|some) {_BETWEEN}"
    r"(?:person|human|agent|operator|representative)\b"
    rf"|^(?:please )?{_BETWEEN}{_PERSON_WORD}(?: please| now)*$"
)
_ABOUT = re.compile(r"\b(?:about|regarding|concerning)\b")
MAX_PERSON_WORDS = 14


@dataclass(frozen=True, slots=True)
class Consent:
    """How somebody answered an offer, and what else they said."""

    answer: Answer
    rest: str = ""


def _consume(said: Words, known: tuple[frozenset[Words], ...]) -> tuple[list[int], Words]:
    """Takes known phrases off the front, longest first; returns which sets they came from and the rest."""
    taken: list[int] = []
    while said:
        size, number = max(
            (
                (size, -at)
                for size in range(min(5, len(said)), 0, -1)
                for at, phrases in enumerate(known)
                if said[:size] in phrases
            ),
            default=(0, 0),
        )
        if not size:
            break
        taken.append(-number)
        said = said[size:]
    return taken, said


def read_consent(text: str) -> Consent:
    """Reads the answer to a yes-or-no offer; anything that is not clearly one of them is `other`."""
    taken, rest = _consume(words(text), (_YES, _NO, _WEAK_YES, _SOFT))
    yes, no, weak = 0 in taken, 1 in taken, 2 in taken
    if (yes and no) or not (yes or no or weak):
        return Consent("other")
    if no:
        return Consent("no", " ".join(rest))
    if {"not", "no", "never", "but", "wait"} & set(rest) or (rest and not yes):
        return Consent("other")
    return Consent("yes", " ".join(rest))


def read_small_talk(text: str) -> Talk | None:
    """Says whether the whole text is a greeting, thanks, a goodbye or a wish for a person."""
    said = words(text)
    if not said:
        return None
    taken, rest = _consume(said, (_GOODBYE, _THANKS, _GREETING, _POLITE))
    if not rest and taken:
        if 0 in taken:
            return "goodbye"
        if 1 in taken:
            return "thanks"
        if 2 in taken:
            return "greeting"
    if len(said) <= MAX_PERSON_WORDS:
        line = " ".join(said)
        match = _PERSON.search(line)
        if match and not _ABOUT.search(match.group()):
            return "person"
    return None


_EN = {
    "greeting": "Hello! How can I help you?",
    "thanks": "You're welcome. Is there anything else I can help you with?",
    "goodbye": "Goodbye.",
    "sms_offer": "Would you like me to send you that in a text message?",
    "sms_sent": "I've sent you the text message.",
    "sms_declined": "All right, I won't send it.",
    "handoff": "One moment, I'm connecting you.",
    "handoff_offer": "Would you like me to connect you with {name}?",
    "handoff_declined": "All right. What else can I help you with?",
    "no_person": "I'm sorry, there is nobody I can connect you with here.",
    "silence": "Are you still there?",
}
_BY_LANGUAGE = {
    "en": _EN,
    "es": {
        "greeting": "¡Hola! ¿En qué puedo ayudarle?",
        "thanks": "De nada. ¿Puedo ayudarle en algo más?",
        "goodbye": "Adiós.",
        "sms_offer": "¿Quiere que se lo envíe por mensaje de texto?",
        "sms_sent": "Le he enviado el mensaje de texto.",
        "sms_declined": "De acuerdo, no lo envío.",
        "handoff": "Un momento, le paso.",
        "handoff_offer": "¿Quiere que le pase con {name}?",
        "handoff_declined": "De acuerdo. ¿En qué más puedo ayudarle?",
        "no_person": "Lo siento, aquí no puedo pasarle con nadie.",
        "silence": "¿Sigue ahí?",
    },
    "fr": {
        "greeting": "Bonjour ! Comment puis-je vous aider ?",
        "thanks": "Je vous en prie. Puis-je vous aider pour autre chose ?",
        "goodbye": "Au revoir.",
        "sms_offer": "Voulez-vous que je vous l'envoie par SMS ?",
        "sms_sent": "Je vous ai envoyé le SMS.",
        "sms_declined": "Très bien, je ne l'envoie pas.",
        "handoff": "Un instant, je vous mets en relation.",
        "handoff_offer": "Voulez-vous que je vous mette en relation avec {name} ?",
        "handoff_declined": "Très bien. Que puis-je faire d'autre pour vous ?",
        "no_person": "Je suis désolé, je ne peux vous mettre en relation avec personne ici.",
        "silence": "Êtes-vous toujours là ?",
    },
    "de": {
        "greeting": "Hallo! Wie kann ich Ihnen helfen?",
        "thanks": "Gern geschehen. Kann ich sonst noch etwas für Sie tun?",
        "goodbye": "Auf Wiederhören.",
        "sms_offer": "Möchten Sie, dass ich Ihnen das als SMS schicke?",
        "sms_sent": "Ich habe Ihnen die SMS geschickt.",
        "sms_declined": "In Ordnung, ich schicke sie nicht.",
        "handoff": "Einen Moment, ich verbinde Sie.",
        "handoff_offer": "Möchten Sie, dass ich Sie mit {name} verbinde?",
        "handoff_declined": "In Ordnung. Was kann ich sonst für Sie tun?",
        "no_person": "Leider kann ich Sie hier mit niemandem verbinden.",
        "silence": "Sind Sie noch da?",
    },
}


def content_stems(text: str) -> frozenset[str]:
    """Returns the stems of the words that carry meaning."""
    return frozenset(stem(word) for word in words(text) if word not in _COMMON)


def built_in(key: str, language: str) -> str:
    """Returns a built-in sentence in the language, else in English."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _EN)[key]
