"""What holds for any input, however hostile."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from mailroom.mail import replies_languages as languages
from mailroom.mail import replies_marks as marks
from mailroom.mail.replies import extract_html, extract_text

LINES = st.sampled_from(
    [
        "",
        " ",
        "Hello Ann,",
        "> quoted",
        ">> deeper",
        ">",
        ">:",
        "On Tue, Apr 3, 2012 at 4:19 PM, Bob <bob@example.com> wrote:",
        "On Tue, Apr 3, 2012 at 4:19 PM, Bob <",
        "bob@example.com> wrote:",
        "Bob wrote:",
        "-----Original Message-----",
        "________________________________",
        "From: Bob <bob@example.com>",
        "Sent: 3 April 2012 16:19",
        "To: Ann",
        "Subject: Lunch",
        "Sent from my iPhone",
        "-- ",
        "Begin forwarded message:",
        "Original Message",
        "\x00\x0b\x85\u2028",
        "：",
    ]
)
TEXTS = st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=25).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines))
)
TAGS = st.sampled_from(
    [
        "<div>",
        "</div>",
        "<p>",
        "</p>",
        "<br>",
        "<hr>",
        "<blockquote type=cite>",
        "<blockquote>",
        "</blockquote>",
        '<div class="gmail_quote">',
        '<div class="gmail_attr">',
        '<div id="divRplyFwdMsg">',
        '<div class="yahoo_quoted">',
        '<span id="OLK_SRC_BODY_SECTION">',
        "</span>",
        "<table><tr><td>",
        "</table>",
        "<pre>",
        "</pre>",
        "<style>",
        "</style>",
        "<script>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        "<body>",
        "</body>",
        "</html>",
        "<?xml version='1.0' encoding='utf-16'?>",
        "<img>",
        "<o:p>",
        "&gt;",
        "&#1;",
        "&#xD800;",
        "<svg><title>",
        "<textarea>",
        "<frameset>",
        "<template>",
    ]
)
HTMLS = st.lists(st.one_of(TAGS, LINES, st.text(max_size=20)), max_size=30).map("".join)


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_new_text_is_the_beginning_of_the_mail(text: str) -> None:
    result = extract_text(text)

    assert result is text or (text.startswith(result) and result.strip())


@settings(max_examples=2000, deadline=None)
@given(HTMLS)
def test_any_html_is_taken(html: str) -> None:
    result = extract_html(html)

    assert result is html or result.strip()


@settings(max_examples=2000, deadline=None)
@given(HTMLS)
def test_extracted_html_is_text_of_the_mail_in_its_order(html: str) -> None:
    result = extract_html(html)

    if result is not html:
        assert words_of(html).startswith(words_of(result))


def words_of(html: str) -> str:
    root = document_fromstring(html.replace("\x00", "").encode("utf-8", "replace"), parser=HTMLParser(encoding="utf-8"))
    roots = [root, *root.itersiblings(etree.Element)]  # what follows </html> becomes a second root
    text = "".join("".join(found.itertext(etree.Element)) for found in roots)
    return "".join(char for char in text if char.isprintable() and char not in " \ufffd")


PHRASES = [
    *languages.DIVIDER_TITLES,
    *languages.DIVIDER_TITLE_STARTS,
    *languages.FORWARD_OPENINGS,
    *languages.WEAK_TITLES,
    *languages.ABOVE_THIS_LINE,
    *languages.REPLY_WORDS,
    *languages.SENDER,
    *languages.SUBJECT,
]
PIECES = st.one_of(st.sampled_from(PHRASES), st.sampled_from(list(" .:：!?,;>-_*#\u0307\u200e’é")), st.text(max_size=4))


@settings(max_examples=2000, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=5), st.sampled_from([str, str.upper, str.title]))
def test_the_cheap_test_passes_every_title_and_header_field(pieces: list[str], change: Callable[[str], str]) -> None:
    line = change("".join(pieces)).rstrip()

    if line and not marks.may_open(line):
        assert not marks.opens_by_title(line)
        assert not marks.is_bare_title(line)
        assert marks.header_role(line) is None
