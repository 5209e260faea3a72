"""Which language a text is in, as far as its script and its small words say: nothing here was trained.

Letters of one script that only one large language uses settle it, as letters do that Russian has and Ukrainian has not.
Among eight languages in Latin script it is the share of a text's words that are among a language's most common small
words; where no language has a tenth, two are close to each other, or it is one word only, the answer is unknown.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

UNKNOWN = "unknown"
READ = 2000  # characters
LEAST = 0.1  # share of words that must be a language's small words
MARGIN = 1.3  # how much more of them than of the next language's
FEWEST = 5  # words below which nothing is said

_SMALL = {
    "en": "the of and to in is that for it with as was on are be this by from or an at which have not but they his her were what how all there their will would can has when who been if more no out so up into them than its about my your you we he she do does show list give each many much where between",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde wenn ich wir alle welche zeige jede wie",
    "fr": "le la les de des du et en un une que qui dans pour par sur pas plus au aux est sont ce cette ces il elle ils avec ne se son sa ses ou mais comme nous vous leur été être fait tout tous sans même aussi quel quelle quels quelles chaque où donne",
    "es": "el la los las de del y en un una que por con para es son se su sus al lo como más pero fue este esta estos estas ser ha han no sobre entre cuando todo todos también hasta desde cada cuál cuáles cuántos dónde quién muestra nos muy sin ya donde",
    "it": "il lo la i gli le di del della dei delle e in un una che per con è sono si suo sua al alla come più ma fu questo questa nel nella da dal dalla non anche tra fra quando tutti ogni quale quali quanti dove chi mostra ha hanno essere ed loro sul sulla",
    "pt": "o a os as de do da dos das e em um uma que por com para é são se seu sua ao à como mais mas foi este esta no na nos nas não também entre quando todos cada qual quais quantos onde quem mostre ser ter pelo pela até sem já",
    "nl": "de het een en van in is dat op te zijn met voor niet aan er om ook als bij maar door over ze hij uit nog worden naar heeft wordt kan dan deze die dit was meer geen hun of tot alle welke hoeveel waar wie toon elke",
    "pl": "i w na z do nie się że jest to jak o od po za przez dla ale czy był była było są tym które który która oraz tak już tylko może ich jego jej przy być co bez pod nad ten ta te ile gdzie kto wszystkie każdy pokaż",
}  # fmt: skip
_CYRILLIC = {"ru": frozenset("ыэё"), "uk": frozenset("іїєґ")}  # letters that the other has not
_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
LANGUAGES = tuple(sorted({*_SMALL, *_CYRILLIC, *_SCRIPTS.values()}))

_WORD = re.compile(r"[^\W\d_]+")


def _by_word(table: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """For each small word the languages that it is one of."""
    made: dict[str, tuple[str, ...]] = {}
    for name, words in table.items():
        for word in set(words.split()):
            made[word] = (*made.get(word, ()), name)
    return made


_WORDS = _by_word(_SMALL)


def language_of(text: str) -> str:
    """A language of `LANGUAGES`, or unknown."""
    text = text[:READ]
    if text.isascii():
        return _by_small_words(text)
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    if not scripts:
        return UNKNOWN
    script, letters = scripts.most_common(1)[0]
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.1 * scripts.total():
        return "ja"  # Japanese is mostly Chinese characters between its own
    if script in _SCRIPTS:
        return _SCRIPTS[script] if letters > 0.3 * scripts.total() else UNKNOWN
    if script == "CYRILLIC":
        return _by_letters(text.casefold())
    return _by_small_words(text) if script == "LATIN" else UNKNOWN


def _by_letters(text: str) -> str:
    """Russian or Ukrainian; neither where a text has letters of both, as Belarusian has, or of none."""
    found = [name for name, letters in _CYRILLIC.items() if not letters.isdisjoint(text)]
    return found[0] if len(found) == 1 else UNKNOWN


def _by_small_words(text: str) -> str:
    said = _WORD.findall(text)
    # Words in capitals are mostly SQL's (FROM, WHERE), and nobody's language, unless everything is in capitals.
    words = [word.casefold() for word in said if not (len(word) > 1 and word.isupper()) or text.isupper()]
    if len(words) < FEWEST:
        return UNKNOWN
    found = Counter(name for word in words for name in _WORDS.get(word, ()))
    (best, most), (_, second) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    if most < LEAST * len(words) or most < MARGIN * second:
        return UNKNOWN
    several = len({word for word in words if best in _WORDS.get(word, ())}) > 1
    return best if several else UNKNOWN  # one word alone is often a word of another language


@lru_cache(4096)
def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    return unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
