"""New content of HTML mail, as the mail programs mark history up, and all that must stay."""

# ruff: noqa: E501

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from mailroom.mail.replies import extract_html
from mailroom.mail.replies_html import LONGEST_HTML

NEW = "<div>Thanks, Tuesday works for me.</div>"
OLD = "<div>Hello Ann,</div><div><br></div><div>would Tuesday suit you?</div><div>Bob</div>"
ATTRIBUTION = "On Tue, Apr 3, 2012 at 4:19 PM Bob Lee &lt;<a href='mailto:bob@example.com'>bob@example.com</a>&gt; wrote:"
HEADERS = "<b>From:</b> Bob Lee &lt;bob@example.com&gt;<br><b>Sent:</b> Tuesday, April 3, 2012 4:19 PM<br><b>To:</b> Ann<br><b>Subject:</b> Lunch"
FOREIGN_HEADERS = "<b>Foo:</b> Bob Lee<br><b>Bar:</b> 3/4/2012 16:19<br><b>Baz:</b> Ann<br><b>Qux:</b> Lunch"

HISTORY = {
    "gmail": f'<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{ATTRIBUTION}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">{OLD}</blockquote></div>',
    "gmail 2024": f'<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{ATTRIBUTION}<br></div><blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "gmail 2012": f'<div class="gmail_extra"><br><br><div class="gmail_quote">{ATTRIBUTION}<br><blockquote class="gmail_quote">{OLD}</blockquote></div><br></div>',
    "gmail unknown attribution": f'<br><div class="gmail_quote"><div class="gmail_attr">Bob, 3/4:<br></div><blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "gmail without markup": f'<div class="gmail_quote">{OLD}</div>',
    "gmail forward": f'<br><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Bob<br>Date: Tue, 3 Apr 2012<br></div>{OLD}<blockquote>older</blockquote>still Bob</div>',
    "gmail signature below": f'<div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTION}</div><blockquote class="gmail_quote">{OLD}</blockquote></div><br clear="all"><div><br></div>-- <br><div class="gmail_signature">Ann Example<br>Ulm</div>',
    "gmail signature below without dashes": f'<div class="gmail_quote"><blockquote class="gmail_quote">{OLD}</blockquote></div><div class="gmail_signature">Ann Example<br>Ulm</div>',
    "gmail seen by outlook": f'<div class="x_gmail_quote"><div class="x_gmail_attr">Bob:</div><blockquote class="x_gmail_quote">{OLD}</blockquote></div>',
    "apple mail": f'<div><br><blockquote type="cite"><div>On Apr 3, 2012, at 4:19 PM, Bob Lee &lt;bob@example.com&gt; wrote:</div><br class="Apple-interchange-newline"><div>{OLD}</div></blockquote></div><br>',
    "ios": f'<div dir="ltr"><br><blockquote type="cite">On Apr 3, 2012, at 16:19, Bob Lee &lt;bob@example.com&gt; wrote:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">\ufeff{OLD}</div></blockquote>',
    "apple forward": f'<br><div>Begin forwarded message:</div><br><blockquote type="cite"><div><b>From: </b>Bob</div><div>{OLD}</div></blockquote>',
    "thunderbird": f'<br><div class="moz-cite-prefix">On 04/03/2012 04:19 PM, Bob Lee wrote:<br></div><blockquote cite="mid:1@example.com" type="cite">{OLD}</blockquote><br>',
    "thunderbird unknown attribution": f'<div class="moz-cite-prefix">Bob, irgendwann<br></div><blockquote type="cite">{OLD}</blockquote>',
    "thunderbird forward": f'<br><div class="moz-forward-container">-------- Forwarded Message --------<table><tr><th>Subject: </th><td>Lunch</td></tr></table>{OLD}</div>',
    "thunderbird signature": f'<div class="moz-cite-prefix">On 04/03/2012, Bob wrote:</div><blockquote type="cite">{OLD}</blockquote><div class="moz-signature">-- <br>Ann</div>',
    "outlook web": f'<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">{HEADERS}<div>&nbsp;</div></div><div>{OLD}</div>',
    "outlook web foreign": f'<hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg">{FOREIGN_HEADERS}</div>{OLD}',
    "outlook web seen by outlook": f'<hr><div id="x_x_divRplyFwdMsg">{FOREIGN_HEADERS}</div>{OLD}',
    "outlook desktop": f'<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal">{HEADERS}<o:p></o:p></p></div></div><p class="MsoNormal"><o:p>&nbsp;</o:p></p>{OLD}',
    "outlook desktop foreign": f"<div><div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{FOREIGN_HEADERS}</p></div></div>{OLD}",
    "outlook desktop paragraphs": "<p class=MsoNormal><b>Von:</b> Bob Lee &lt;bob@example.com&gt;</p><p class=MsoNormal><b>Gesendet:</b> Dienstag, 3. April 2012 16:19</p><p><b>An:</b> Ann</p><p><b>Betreff:</b> Lunch</p>"
    + OLD,
    "outlook 2003": f"<div class=OutlookMessageHeader dir=ltr align=left><hr tabindex=-1><font face=Tahoma size=2>{HEADERS}</font></div>{OLD}",
    "outlook mac": f'<div><br></div><span id="OLK_SRC_BODY_SECTION"><div style="border-top:#b5c4df 1pt solid"><span style="font-weight:bold">Von: </span>Bob</div>{OLD}</span>',
    "outlook phone": f'<div class="ms-outlook-mobile-reference-message skipProofing"><b>Foo</b></div>{OLD}',
    "outlook phone id": f'<div id="mail-editor-reference-message-container"><div>{FOREIGN_HEADERS}</div>{OLD}</div>',
    "outlook plain": f"<div>-----Original Message-----<br>From: Bob<br>Sent: Monday<br></div>{OLD}",
    "windows mail": f'<div style="border-top:solid #E1E1E1 1.0pt"><b>From:</b> <a href="mailto:bob@example.com">Bob Lee</a><br><b>Sent:</b> 03 April 2012 16:19<br><b>To:</b> Ann</div>{OLD}',
    "hotmail": f'<br><div><hr id="stopSpelling">Date: Tue, 3 Apr 2012 16:19:00 +0200<br>From: bob@example.com<br>To: ann@example.com<br>Subject: Lunch<br>{OLD}</div>',
    "hotmail foreign": f'<hr id="stopSpelling">Foo: Tue<br>Bar: bob@example.com<br>{OLD}',
    "yahoo": f'<div id="ydp1yahoo_quoted_2" class="yahoo_quoted"><div>On Tuesday, 3 April 2012, 16:19:00 BST, Bob Lee &lt;bob@example.com&gt; wrote:</div>{OLD}</div>',
    "yahoo foreign": f'<div class="yahoo_quoted" style="display: block;"><div>Bob, 3/4</div>{OLD}</div>',
    "aol": f'<div style="color:black"><br>-----Original Message-----<br>From: Bob &lt;bob@example.com&gt;<br>To: ann &lt;ann@example.com&gt;<br>Sent: Tue, Apr 3, 2012 4:19 pm<br>{OLD}</div>',
    "proton": f'<div class="protonmail_quote">------- Original Message -------<br>On Tuesday, April 3rd, 2012 at 4:19 PM, Bob &lt;bob@example.com&gt; wrote:<br><br><blockquote class="protonmail_quote" type="cite">{OLD}</blockquote><br></div>',
    "zoho": f'<div class="zmail_extra" style=""><div id="Zm-_Id_-Sgn1">---- On Tue, 03 Apr 2012 16:19:00 +0530 <b>Bob &lt;bob@example.com&gt;</b> wrote ---<br></div><blockquote style="margin: 0px;">{OLD}</blockquote></div>',
    "zoho older": f'<br>---- On Tue, 03 Apr 2012 16:19:00 +0530 <b>Bob &lt;bob@example.com&gt;</b> wrote ---- <br><blockquote style="border-left: 1px solid #0000FF">{OLD}</blockquote>',
    "zimbra": f'<hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><blockquote>{FOREIGN_HEADERS}</blockquote></div><div data-marker="__QUOTED_TEXT__"><blockquote>{OLD}</blockquote></div>',
    "spark": f'<div name="messageReplySection">On 3 Apr 2012, 16:19 +0200, Bob &lt;bob@example.com&gt;, wrote:<br><blockquote type="cite">{OLD}</blockquote></div>',
    "airmail": f'<p class="airmail_on">On April 3, 2012 at 16:19:00, Bob Lee (<a>bob@example.com</a>) wrote:</p> <blockquote type="cite" class="clean_bq">{OLD}</blockquote>',
    "front": f'<blockquote type="cite" class="front-blockquote">On April 3, 2012, Bob wrote:<br>{OLD}</blockquote>',
    "tuta": f'<div>3. Apr. 2012, 16:19 von bob@example.com:<br></div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8">{OLD}</blockquote>',
    "gmx": f'<div name="quote" style="margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5;"><div><b>Gesendet:</b> Dienstag</div>{OLD}</div>',
    "gmx unmarked": f'<div>Gesendet:&nbsp;Dienstag, 03. April 2012 um 16:19 Uhr<br>Von:&nbsp;"Bob Lee" &lt;bob@example.com&gt;<br>An:&nbsp;ann@example.com<br>Betreff:&nbsp;Lunch</div>{OLD}',
    "mail.ru": f'<br><blockquote style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;">Вторник,  3 апреля 2012, 16:19 +04:00 от Bob Lee &lt;bob@example.com&gt;:<br>{OLD}</blockquote>',
    "yandex": f'<div>03.04.2012, 16:19, "Bob Lee" &lt;bob@example.com&gt;:</div><blockquote>{OLD}</blockquote>',
    "qq": f'<div><br></div><div style="font-size: 12px;">------------------ 原始邮件 ------------------</div><div><b>发件人:</b> "Bob" &lt;bob@example.com&gt;;</div>{OLD}',
    "qq includetail": f"<div><includetail><div>foo</div>{OLD}</includetail></div>",
    "foxmail": f'<hr style="width: 210px; height: 1px;"><div><b>发件人：</b> Bob<br><b>发送时间：</b> 2012-04-03 16:19<br><b>收件人：</b> Ann<br><b>主题：</b> Lunch</div>{OLD}',
    "163": f'<br>At 2012-04-03 16:19:00, "Bob" &lt;bob@example.com&gt; wrote:<br><blockquote id="isReplyContent" style="PADDING-LEFT: 1ex">{OLD}</blockquote>',
    "163 phone": f'<div class="ntes-mailmaster-quote"><div>---- Replied Message ----</div>{OLD}</div>',
    "naver": f'<p>-----Original Message-----<br><b>From:</b> "Bob"&lt;bob@example.com&gt;<br><b>To:</b> Ann<br><b>Sent:</b> 2012-04-03 (화) 16:19<br><b>Subject:</b> Lunch</p>{OLD}',
    "samsung": f"<div><br></div><div>-------- Original message --------</div><div>From: Bob &lt;bob@example.com&gt; </div><div>Date: 4/3/12  4:19 PM  (GMT+01:00) </div><div>To: Ann </div>{OLD}",
    "blackberry": f"<table><tr><td><div><b>From: </b>Bob Lee</div><div><b>Sent: </b>Tuesday, April 3, 2012 4:19 PM</div><div><b>To: </b>ann@example.com</div><div><b>Subject: </b>Lunch</div></td></tr></table>{OLD}",
    "roundcube": f'<p id="reply-intro">On 2012-04-03 16:19, Bob wrote:</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid">{OLD}</blockquote>',
    "roundcube foreign": f'<p id="reply-intro">Xyz Bob:</p><blockquote type="cite">{OLD}</blockquote>',
    "em client": f'<div>------ Original Message ------</div><div>From: "Bob" &lt;bob@example.com&gt;</div><div>Sent: 4/3/2012 4:19:00 PM</div><blockquote type="cite" class="cite2">{OLD}</blockquote>',
    "lotus": '<br><font size=1 color=#5f5f5f face="sans-serif">From: &nbsp; &nbsp;</font><font size=1>Bob Lee/Ulm</font><br><font size=1>To: &nbsp;</font><font size=1>Ann@Example</font><br><font>Date: &nbsp;</font><font>04/03/2012 04:19 PM</font><br><font>Subject: </font><font>Lunch</font><br><hr noshade><br>'
    + OLD,
    "lotus attribution": "<tt><font size=2>Bob Lee/Ulm wrote on 04/03/2012 04:19:00 PM:<br><br>&gt; Hello Ann<br>&gt; Tuesday?</font></tt>",
    "header table": "<table><tr><td>From:</td><td>Bob &lt;bob@example.com&gt;</td></tr><tr><td>Sent:</td><td>3 April 2012 16:19</td></tr><tr><td>To:</td><td>Ann</td></tr><tr><td>Subject:</td><td>Lunch</td></tr></table>"
    + OLD,
    "no markup": f"<div>{ATTRIBUTION}</div>{OLD}",
    "no markup, one block": f"<div>{ATTRIBUTION}<br><br>Hello Ann<br>Bob</div>",
    "bare blockquote": f"<p>{ATTRIBUTION}</p><blockquote>{OLD}</blockquote>",
    "bare blockquote, name": f"<p>Bob wrote:</p><blockquote>{OLD}</blockquote>",
    "marks as in text": "<div>On 3/4/2012 16:19, Bob wrote:<br>&gt; Hello<br>&gt; Tuesday?</div>",
    "hidden in a wrapper": f'<div><div><div><span>{ATTRIBUTION}</span></div><div><blockquote type="cite">{OLD}</blockquote></div></div></div><div><br></div>',
    "mailing list footer": f'<blockquote type="cite">{OLD}</blockquote><p></p>-- <br>You received this message because you are subscribed to the group.<br>',
    "list footer with a rule": f'<div>{ATTRIBUTION}</div><blockquote type="cite">{OLD}</blockquote><hr><p>example mailing list</p>',
    "ticket": f"<div>##- Please type your reply above this line -##</div>{OLD}",
}

UNTOUCHED = {
    "plain": "<p>Hello <b>Ann</b></p>",
    "text": "Hello Ann",
    "empty": "",
    "blank": "  \n ",
    "broken": "<div><p>Hello <b>Ann</div></p></i><",
    "comment": "<!-- Hello -->",
    "interleaved apple": "<blockquote type='cite'>Which day?</blockquote><div>Tuesday.</div><blockquote type='cite'>Which time?</blockquote><div>Noon</div>",
    "interleaved apple, rest quoted": "<div>Hi</div><blockquote type='cite'>Which day?</blockquote><div>Tuesday.</div><blockquote type='cite'>Best, Bob</blockquote>",
    "interleaved gmail": f'<div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTION}</div><blockquote class="gmail_quote">Which day?</blockquote><div>Tuesday.</div><blockquote class="gmail_quote">Which time?</blockquote><div>Noon.</div></div>',
    "interleaved gmail below a greeting": f'<div>Hi</div><div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTION}</div><blockquote class="gmail_quote">Which day?</blockquote><div>Tuesday.</div><blockquote class="gmail_quote">Bob</blockquote></div>',
    "interleaved thunderbird": '<div class="moz-cite-prefix">On 04/03/2012, Bob wrote:</div><blockquote type="cite">Which day?</blockquote><p>Tuesday.</p><blockquote type="cite">Which time?</blockquote><p>Noon.</p>',
    "bottom thunderbird": f'<div class="moz-cite-prefix">On 04/03/2012, Bob wrote:</div><blockquote type="cite">{OLD}</blockquote><p>Tuesday is fine.</p>',
    "all history": f'<div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTION}</div><blockquote class="gmail_quote">{OLD}</blockquote></div>',
    "all forward": f'<div dir="ltr"><br><br><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Bob</div>{OLD}</div></div>',
    "pull quote": "<p>They say:</p><p>Our product is loved.</p><blockquote style='border-left:4px solid red'>Best thing ever.</blockquote>",
    "blockquote in the middle": "<p>As the manual says</p><blockquote>Press the button.</blockquote><p>It did nothing.</p>",
    "indent": '<blockquote style="margin:0 0 0 40px;border:none;padding:0px"><div>Indented by me</div></blockquote>',
    "newsletter": "<html><head><title>From: us</title><style>td{}</style></head><body><table><tr><td>News</td></tr><tr><td><hr>Read on</td></tr></table><p>Sent to: ann@example.com</p></body></html>",
    "form": "<table><tr><td>From:</td><td>Ulm</td></tr><tr><td>To:</td><td>Bonn</td></tr><tr><td>Date:</td><td>3 May 2024</td></tr></table><p>Thanks</p>",
    "rules": "<p>One</p><hr><p>Two</p><hr><p>Three</p>",
    "styled border": '<div style="border-top:solid #E1E1E1 1pt"><b>Total</b> 10</div><p>Thanks</p>',
    "greater than": "<p>a &gt; b</p><p>c</p>",
    "empty quote": '<div>Hello</div><div class="gmail_quote"></div>',
    "conditional comment": "<!--[if mso]><p>From: x</p><![endif]--><p>Hello</p>",
    "xml declaration": '<?xml version="1.0" encoding="utf-16"?><p>Hello</p>',
    "code": "<pre>def f():\n    return 1\n\n-----\n\nfrom: x\n</pre>",
}


def visible(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


@pytest.mark.parametrize("history", HISTORY.values(), ids=HISTORY.keys())
def test_history_is_removed_with_what_introduces_it(history: str) -> None:
    assert extract_html(f"{NEW}{history}") == NEW


@pytest.mark.parametrize("history", HISTORY.values(), ids=HISTORY.keys())
def test_history_inside_the_block_of_the_answer_is_removed(history: str) -> None:
    mail = f'<html><head><style>p {{ margin: 0 }}</style></head><body lang="en"><div class="WordSection1"><p>Tuesday is fine.</p>{history}</div></body></html>'

    result = extract_html(mail)

    assert visible(result.partition("</head>")[2]) == "Tuesday is fine."
    assert result.startswith('<html><head><style>p { margin: 0 }</style></head><body lang="en">')


@pytest.mark.parametrize("mail", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_html_without_history_behind_it_comes_back_as_it_is(mail: str) -> None:
    assert extract_html(mail) is mail


@pytest.mark.parametrize("separator", ["<br><br>", "<p></p>", "\r\n<br />\r\n"])
def test_an_answer_in_the_same_block_as_the_history_is_kept(separator: str) -> None:
    mail = f"<div>Tuesday is fine.{separator}-----Original Message-----<br>From: Bob<br>Hello</div><div>more</div>"

    assert visible(extract_html(mail)) == "Tuesday is fine."


def test_a_document_keeps_its_doctype_and_head() -> None:
    head = '<!DOCTYPE html>\n<html><head><meta charset="iso-8859-1"><title>x</title></head><body>'

    assert (
        extract_html(f"{head}<p>Größe &amp; 时间</p>{HISTORY['gmail']}</body></html>")
        == f"{head}<p>Größe &amp; 时间</p></body></html>"
    )


def test_history_behind_the_end_of_the_document_is_removed() -> None:
    mail = f"<html><body>{NEW}</body></html>{HISTORY['outlook plain']}trailing"

    assert extract_html(mail) == f"<html><body>{NEW}</body></html>"


def test_an_answer_behind_the_end_of_the_document_is_kept() -> None:
    mail = f"<html><body>{NEW}</body></html><html><body><p>More</p>{HISTORY['gmail']}</body></html>"

    assert extract_html(mail) == f"<html><body>{NEW}<p>More</p></body></html>"


def test_an_element_with_countless_attributes_comes_back_as_it_is() -> None:
    mail = f"{NEW}<p {' '.join(f'a{number}' for number in range(100_000))}>x</p>{HISTORY['gmail']}"

    assert extract_html(mail) is mail


def test_a_fragment_stays_a_fragment() -> None:
    assert extract_html(f"Hi <b>Bob</b>, 1 &lt; 2{HISTORY['thunderbird']}") == "Hi <b>Bob</b>, 1 &lt; 2"


def test_a_style_before_the_answer_stays() -> None:
    assert extract_html(f"<style>p {{}}</style><p>Hello</p>{HISTORY['gmail']}") == "<style>p {}</style><p>Hello</p>"


def test_a_picture_above_the_history_is_content() -> None:
    assert (
        extract_html(f'<div><img src="cid:1"></div><div>see</div>{HISTORY["gmail"]}')
        == '<div><img src="cid:1"></div><div>see</div>'
    )


def test_a_picture_alone_is_an_answer() -> None:
    assert extract_html(f'<div><img src="cid:1"></div>{HISTORY["gmail"]}') == '<div><img src="cid:1"></div>'


def test_a_picture_below_the_history_is_no_answer() -> None:
    assert extract_html(f'{NEW}{HISTORY["apple mail"]}<div><img src="logo.png"></div><img width="1" height="1" src="px">') == NEW


def test_a_signature_above_the_history_stays() -> None:
    kept = f'{NEW}<div class="gmail_signature">Ann Example</div>'

    assert extract_html(f"{kept}{HISTORY['gmail']}") == kept


def test_an_encoding_declaration_does_not_matter() -> None:
    mail = f'<?xml version="1.0" encoding="utf-16"?><html><body><p>Größe</p>{HISTORY["apple mail"]}</body></html>'

    assert "<p>Größe</p></body>" in extract_html(mail)


def test_preformatted_text_is_read_line_by_line() -> None:
    assert extract_html("<pre>Tuesday.\n\nOn 3/4/2012 10:11, Bob wrote:\n&gt; Which day?\n</pre>") == "<pre>Tuesday.</pre>"


@pytest.mark.parametrize(
    "html", ["<div>" * 100_000, "<b><i><span>" * 30_000, "<blockquote type=cite>" * 5_000 + "x"], ids=["div", "mixed", "quote"]
)
def test_deep_nesting_comes_back_as_it_is(html: str) -> None:
    mail = f"<p>Hello</p>{html}{HISTORY['gmail']}"

    assert extract_html(mail) is mail


def test_html_beyond_the_limit_comes_back_as_it_is() -> None:
    mail = f"{NEW}{'x' * LONGEST_HTML}{HISTORY['gmail']}"

    assert extract_html(mail) is mail


def test_an_embedded_picture_of_megabytes_does_not_hide_the_history() -> None:
    picture = f'<p>Hi<img src="data:image/png;base64,{"A" * 3_000_000}"></p>'

    assert extract_html(f"{picture}{HISTORY['gmail']}") == picture


@pytest.mark.parametrize("control", ["\x00", "\x01", "\x0b", "\ud800", "&#0;", "&#1;", "&#xD800;", "\ufffe"], ids=ascii)
def test_characters_that_xml_forbids_do_no_harm(control: str) -> None:
    assert "Hello" in extract_html(f"<p>Hello{control}there<br>{control}{ATTRIBUTION}<br>{control}old</p>")


def test_extracting_from_text_does_not_load_the_html_parser() -> None:
    code = "import sys; from mailroom.mail.replies import extract_text; extract_text('a'); sys.exit('lxml' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode == 0


def test_a_second_body_is_not_left_behind_the_cut() -> None:
    assert extract_html("<div>new</div></body>&gt; quoted<body>&gt; more") == "<html><body><div>new</div></body></html>"
