"""Finds what a translation model calls a language. Knows the codes of three families, and no model."""

from __future__ import annotations

import re
from collections.abc import Collection

_PAIR = re.compile(r"\s*([A-Za-z_-]{2,12})\s*(?:>|->|→)\s*([A-Za-z_-]{2,12})\s*")
# ISO 639-1 and the code of NLLB (FLORES-200); Marian's models with several targets use its first three letters.
_TABLE = (
    "af:afr_Latn am:amh_Ethi ar:arb_Arab az:azj_Latn be:bel_Cyrl bg:bul_Cyrl bn:ben_Beng bs:bos_Latn ca:cat_Latn "
    "cs:ces_Latn cy:cym_Latn da:dan_Latn de:deu_Latn el:ell_Grek en:eng_Latn eo:epo_Latn es:spa_Latn et:est_Latn "
    "eu:eus_Latn fa:pes_Arab fi:fin_Latn fr:fra_Latn ga:gle_Latn gl:glg_Latn gu:guj_Gujr he:heb_Hebr hi:hin_Deva "
    "hr:hrv_Latn hu:hun_Latn hy:hye_Armn id:ind_Latn is:isl_Latn it:ita_Latn ja:jpn_Jpan ka:kat_Geor kk:kaz_Cyrl "
    "km:khm_Khmr kn:kan_Knda ko:kor_Hang lo:lao_Laoo lt:lit_Latn lv:lvs_Latn mk:mkd_Cyrl ml:mal_Mlym mn:khk_Cyrl "
    "mr:mar_Deva ms:zsm_Latn my:mya_Mymr nb:nob_Latn ne:npi_Deva nl:nld_Latn nn:nno_Latn no:nob_Latn pa:pan_Guru "
    "pl:pol_Latn pt:por_Latn ro:ron_Latn ru:rus_Cyrl si:sin_Sinh sk:slk_Latn sl:slv_Latn sq:als_Latn sr:srp_Cyrl "
    "sv:swe_Latn sw:swh_Latn ta:tam_Taml te:tel_Telu th:tha_Thai tl:tgl_Latn tr:tur_Latn uk:ukr_Cyrl ur:urd_Arab "
    "uz:uzn_Latn vi:vie_Latn xh:xho_Latn yo:yor_Latn zh:zho_Hans zu:zul_Latn"
)
_FLORES = dict(pair.split(":") for pair in _TABLE.split())
_SCRIPTS = {"zh-cn": "zho_Hans", "zh-hans": "zho_Hans", "zh-tw": "zho_Hant", "zh-hant": "zho_Hant"}


def language_pair(text: str) -> tuple[str, str] | None:
    """Source and target of a line such as `en > fr` or `eng_Latn > zho_Hans`; None when `text` is anything else."""
    match = _PAIR.fullmatch(text)
    return (match[1], match[2]) if match else None


def known_code(asked: str, known: Collection[str]) -> str | None:
    """The one of a model's `known` codes that means the language `asked`, or None."""
    if asked in known:
        return asked
    plain = asked.lower().replace("_", "-")
    full = _SCRIPTS.get(plain) or _FLORES.get(plain.partition("-")[0], "")
    back = next((two for two, code in _FLORES.items() if code.lower() == asked.lower()), "")
    for code in (full, full.partition("_")[0], plain.partition("-")[0], back):
        if code and code in known:
            return code
    return None
