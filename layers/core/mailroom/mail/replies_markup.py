"""What mail programs mark quoted history and signatures with: tags, classes, ids, names, styles."""

from __future__ import annotations

from itertools import islice
from typing import Final, Literal

from lxml import etree


def _names(table: str) -> frozenset[str]:
    return frozenset(table.split())


Kind = Literal["quote", "history", "marker", "signature"]
"""quote: all inside is quoted. history: holds an attribution and blockquotes, perhaps answers too. marker: all from here on."""

BLOCKS: Final = _names("""
    address article aside blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main nav
    ol p pre section table tbody tfoot thead tr ul includetail
""")
CELLS: Final = _names("td th")
EMPTY_LINES: Final = _names("br hr wbr")
HIDDEN: Final = _names("head style script title template meta link base")
VISIBLE_WITHOUT_TEXT: Final = _names("img input button video audio object embed iframe svg canvas map area")

_HISTORY: Final = _names("gmail_quote gmail_quote_container")

# Yahoo, Thunderbird, Gmail, Zoho, Proton, Front, Airmail, Tuta, 163, Mail.ru, Missive, Superhuman, HEY, Spark, Roundcube
_QUOTES: Final = _names("""
    yahoo_quoted yahooquotedtextelement yqt moz-cite-prefix gmail_attr zmail_extra zmail_extra_hr protonmail_quote
    protonmail_blockquote front-blockquote clean_bq airmail_on tutanota_quote isreplycontent ntes-mailmaster-quote
    mailru-blockquote mail_quote missive_quote sh-quoted-content hey-quoted messagereplysection reply-intro reply_intro
    quotedtext quoted_text quoted-text email-quote email_quote
""")

# Outlook on the web, desktop, Mac and phones, Hotmail, Foxmail, Zimbra, Roundcube and Thunderbird forwards, AquaMail
_MARKERS: Final = _names("""
    divrplyfwdmsg divfwdmsg appendonsend olk_src_body_section stopspelling mail-editor-reference-message-container
    ms-outlook-mobile-reference-message outlookmessageheader fmoriginalcontent moz-forward-container zwchr forwardbody1
    orimsghtmlseperator
""")

_SIGNATURES: Final = _names("""
    gmail_signature gmail_signature_prefix moz-signature applemailsignature applemailsignaturebreakingdiv signature
    ms-outlook-mobile-signature ms-outlook-ios-signature protonmail_signature_block protonmail_signature_block-user
    _rc_sig tutanota_signature
""")
_NAMES: Final[dict[str, Kind]] = {
    **dict.fromkeys(_SIGNATURES, "signature"),
    **dict.fromkeys(_HISTORY, "history"),
    **dict.fromkeys(_QUOTES, "quote"),
    **dict.fromkeys(_MARKERS, "marker"),
}
_QUOTE_NAMES: Final = _names("messagereplysection quote")
_HEADER_BORDERS: Final = ("border-top:solid#b5c4df", "border-top:solid#e1e1e1")


def kind_of(element: etree._Element, tag: str) -> Kind | None:
    """What the element is known to be; None for all ordinary markup."""
    if tag == "includetail":
        return "marker"
    for attribute in ("class", "id"):
        for name in (element.get(attribute) or "").split():
            kind = _NAMES.get(_without_prefix(name.lower()))
            if kind is not None:
                return kind
    if tag == "blockquote" and (element.get("type") or "").lower() == "cite":
        return "quote"
    if tag in {"div", "blockquote"} and (element.get("name") or "").lower() in _QUOTE_NAMES:
        return "quote"
    if element.get("data-marker") in {"__QUOTED_TEXT__", "__HEADERS__", "__DIVIDER__"}:
        return "marker"
    return "marker" if tag == "div" and _is_outlook_header(element, element.get("style") or "") else None


def _without_prefix(name: str) -> str:
    """Outlook on the web puts `x_` before foreign names, once per reply."""
    while name.startswith("x_"):
        name = name[2:]
    return name


def _is_outlook_header(element: etree._Element, style: str) -> bool:
    """The thin line over From, Sent, To, Subject that Word draws, in whatever language."""
    if "border-top" not in style.lower():
        return False
    if not "".join(style.lower().split()).replace("border:none;", "").startswith(_HEADER_BORDERS):
        return False
    return sum(1 for inner in islice(element.iter(), 60) if inner.tag in {"b", "strong"}) >= 3
