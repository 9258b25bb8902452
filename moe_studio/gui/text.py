"""The words of the window in the user's language.

English stands in the code and is the key of every catalogue. A key with names in braces also translates the
sentences that other parts of the program make, such as ``GPU {gpu} has no room.``, by what stands in their place.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from gettext import NullTranslations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QFontDatabase

from moe_studio.locator import resource

ENGLISH, CHINESE, SYSTEM, PSEUDO = "en", "zh_CN", "system", "pseudo"

LANGUAGES: Mapping[str, str] = {ENGLISH: "English", CHINESE: "中文"}
"""Languages that there are, by their own names."""

_STOP = re.compile(r"(?<=[.!?]) ")
SEAMS = (
    (re.compile(r" · "), " · "),
    (_STOP, " "),
    (re.compile(r"(?<=:) "), " "),
    (re.compile(r"(?<=;) "), " "),
)
"""Where text is put together of pieces, the largest first, and what stands between them."""

NUMBERS = frozenset({"count", "number", "step", "all", "place", "first", "last", "shown", "gpu", "layer", "expert"})
AMOUNTS = frozenset({"share", "time", "size", "rate", "change", "amount", "need", "room", "width", "speed", "bytes"})
"""Names that stand for a number, and for one with its unit: no other words take their place in a pattern."""

_TYPED = NUMBERS | AMOUNTS
_NAME = re.compile(r"\\{(\w+)\\}")
_NUMBER, _AMOUNT, _UNIT, _ANYTHING = r"[\d.,]+[kM]?", r"[−+±<]?\s?\d.*?", r"[\wµ/]+", r".+?"
LEAST_OWN = 3
"""Letters that a pattern must have of its own where anything may take the place of its names."""
_ACCENTS = str.maketrans("aceinosuyzACEINOSUYZ", "áçéíñóšúýžÁÇÉÍÑÓŠÚÝŽ")
_PLACEHOLDER = re.compile(r"(\{\w*\})")
_OPEN_NAME = re.compile(r"\{(\w+)\}")


class Catalogue(NullTranslations):
    """Translations by their English text."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        super().__init__()
        self._messages = dict(messages)
        # The more of a pattern is its own, the surer it is meant.
        own = {key: sum(map(str.isalpha, _PLACEHOLDER.sub("", key))) for key in messages if "{" in key}
        keys = [key for key in own if own[key] >= LEAST_OWN or _TYPED & set(_OPEN_NAME.findall(key))]
        keys.sort(key=own.__getitem__, reverse=True)
        self._patterns = [(_pattern(key), messages[key]) for key in keys]

    def gettext(self, message: str) -> str:
        """``message`` in this language; what is not known stays as it is."""
        found = self._messages.get(message)
        return message if found is None else found

    def sentence(self, text: str) -> str:
        """Finished text in this language: by itself, by the pattern that it follows, or piece by piece."""
        if text in self._messages or not self._messages:
            return self._messages.get(text, text)
        if text.endswith(".") and text[:-1] in self._messages:
            return self._messages[text[:-1]] + self._messages.get(".", ".")
        if whole := self._filled(text, is_one=True) or self._sentences(text) or self._filled(text, is_one=False):
            return whole
        for mark, between in SEAMS:
            pieces = mark.split(text)
            if len(pieces) > 1:
                joined = between.join(self.sentence(piece) for piece in pieces)
                return joined.replace("。 ", "。")  # whose own width is the space
        capital = text[:1].upper() + text[1:]
        wanted = capital if capital == text else self.sentence(capital)
        return text if wanted == capital else wanted

    def _filled(self, text: str, *, is_one: bool) -> str:
        """``text`` by the first pattern that it follows, if any; if ``is_one``, no name spans the end of a sentence."""
        for pattern, wanted in self._patterns:
            if found := pattern.fullmatch(text):
                values = found.groupdict()
                if not (is_one and any(map(_STOP.search, values.values()))):
                    return wanted.format(**{name: self.sentence(value) for name, value in values.items()})
        return ""

    def _sentences(self, text: str) -> str:
        """Several sentences, each by itself; empty unless all are known: a name of the first must not take the rest."""
        pieces = _STOP.split(text)
        if len(pieces) == 1:
            return ""
        known = [self.sentence(piece) for piece in pieces]
        is_known = all(a != b for a, b in zip(pieces, known, strict=True))
        return " ".join(known).replace("。 ", "。") if is_known else ""


class PseudoCatalogue(Catalogue):
    """English with accents, in brackets and a third longer: shows in a test what is not translated or cut off."""

    def __init__(self) -> None:
        super().__init__({})

    def gettext(self, message: str) -> str:
        """``message`` in brackets; what stands in braces is left to be filled in."""
        return pseudo(message)

    def sentence(self, text: str) -> str:
        """``text`` in brackets, unless it is already."""
        return text if "⟦" in text or not text.strip() else pseudo(text)


class _Current:
    """The catalogue in use: a process speaks one language, as with gettext itself."""

    catalogue = Catalogue({})
    language = ENGLISH


def tr(text: str, **values: object) -> str:
    """``text`` in the user's language, with ``values`` for the names in its braces."""
    if values:
        return _Current.catalogue.gettext(text).format(**values)
    return _sentence(text)


def use_language(name: str) -> None:
    """Speak ``en``, ``zh_CN`` or as the ``system``."""
    _Current.language = language_of(name)
    _Current.catalogue = _catalogue(_Current.language)
    _sentence.cache_clear()


def language_in_use() -> str:
    """The language that the window speaks."""
    return _Current.language


def language_of(name: str) -> str:
    """The language that ``name`` means on this machine."""
    if name != SYSTEM:
        return name if name in (*LANGUAGES, PSEUDO) else ENGLISH
    return CHINESE if QLocale.system().language() is QLocale.Language.Chinese else ENGLISH


def has_letters(name: str) -> bool:
    """Whether a font is installed that can show the language ``name``; without one, text would be empty boxes."""
    wanted = QFontDatabase.WritingSystem.SimplifiedChinese
    return language_of(name) != CHINESE or bool(QFontDatabase.families(wanted))


def pseudo(text: str) -> str:
    """``text`` as the pseudo-locale has it."""
    parts = [part if part.startswith("{") else part.translate(_ACCENTS) for part in _PLACEHOLDER.split(text)]
    return f"⟦{''.join(parts)}{'·' * (len(text) // 3)}⟧"


@lru_cache(maxsize=8192)
def _sentence(text: str) -> str:
    return _Current.catalogue.sentence(text)


def _catalogue(language: str) -> Catalogue:
    if language == PSEUDO:
        return PseudoCatalogue()
    if language == ENGLISH:
        return Catalogue({})
    return Catalogue(json.loads(resource("i18n", f"{language}.json").read_text(encoding="utf-8")))


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(_NAME.sub(_room, re.escape(key)), re.DOTALL)


def _room(found: re.Match[str]) -> str:
    name = found[1]
    kind = _NUMBER if name in NUMBERS else _AMOUNT if name in AMOUNTS else _UNIT if name == "unit" else _ANYTHING
    return f"(?P<{name}>{kind})"
