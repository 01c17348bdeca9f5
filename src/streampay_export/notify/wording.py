"""
Letters from templates: the same words as plain text and as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files as package_files

from attrs import frozen
from jinja2 import Environment, StrictUndefined, Template

from .._core.notification import Letter, Occasion
from ..errors import InvalidConfiguration
from .english import ENGLISH

_FACTS = ("url", "until", "completeness", "due", "reason", "remedies", "capacity", "receipt", "retained")


@frozen
class Text:
    """
    What is said on one occasion: a title, and a Jinja template of the body, in paragraphs.
    """

    title: str
    body: str


class TemplateWording:
    """
    A `Wording` from one text for each occasion and language. Thread-safe; nothing to close.

    *texts* are by language and then by occasion, and are added to the English ones. A language is looked for
    as it is asked for, then without its region; English is what is left. In the HTML everything is escaped, and
    a paragraph that is the URL becomes a link. Raises `InvalidConfiguration` for a language that lacks an occasion.
    """

    def __init__(self, texts: Mapping[str, Mapping[Occasion, Text]] | None = None) -> None:
        plain = Environment(autoescape=False, undefined=StrictUndefined)  # noqa: S701  # plain text has nothing to escape
        english = {occasion: Text(*words) for occasion, words in ENGLISH.items()}
        self._texts: dict[str, dict[Occasion, tuple[str, Template]]] = {}
        for language, by_occasion in ({"en": english} | dict(texts or {})).items():
            missing = [occasion for occasion in Occasion if occasion not in by_occasion]
            if missing:
                raise InvalidConfiguration("texts", f"{language} has nothing to say on: {', '.join(missing)}")
            self._texts[language.lower()] = {
                occasion: (text.title, plain.from_string(text.body)) for occasion, text in by_occasion.items()
            }
        page = package_files(__package__).joinpath("letter.html").read_text("utf-8")
        self._page = Environment(autoescape=True, undefined=StrictUndefined).from_string(page)

    def __call__(self, occasion: Occasion, language: str, facts: Mapping[str, str]) -> Letter:
        """
        See `Wording`.
        """
        asked = language.lower()
        found = next(name for name in (asked, asked.partition("-")[0], "en") if name in self._texts)
        title, template = self._texts[found][occasion]
        text = template.render(dict.fromkeys(_FACTS, "") | dict(facts))
        paragraphs = [line for each in text.split("\n\n") if (line := " ".join(each.split()))]
        html = self._page.render(title=title, language=found, url=facts.get("url", ""), paragraphs=paragraphs)
        return Letter(title=title, text="\n\n".join(paragraphs) + "\n", html=html)
