"""More mails of the kind seen in the wild: written after the rules, to measure them, and kept."""

# ruff: noqa: E501

from __future__ import annotations

import re

import pytest

from mailroom.mail.replies import extract_html, extract_text

NEW = "Test reply"
CLOSINGS = ("", "\n\nsent from my phone", "\n\n发自我的 iPhone", "\n\nEnviado do meu iPhone", "\n\nVon meinem iPhone gesendet")
CLOSINGS += ("\n\nEnvoyé de mon iPhone", "\n\n[image: photo]", "\n\nGesendet mit der GMX Mail App")
CLOSINGS += ("\n\nGet Outlook for Android<https://aka.ms/x>",)
"""What may stay between the reply and the history."""

TEXT_HISTORY = [
    "\n\nOn 11-Apr-2011, at 6:54 PM, Roman Tkachenko <romant@example.com> wrote:\n\n>\n> Test\n>\n> Roman\n",
    "\nOn 11-Apr-2011, at 6:54 PM, Bob <bob@example.com> wrote:\n> Test",
    "\n\nOn 11-Apr-2011, at 6:54 PM, Roman Tkachenko\n<romant@example.com> wrote:\n> Test",
    "\n\n2011/4/7 Nathan Example <support@example.com>\n\n>  Blah-blah-blah\n",
    "\n\n2011/4/7 Nathan Example <support@example.com>:\n\nBlah",
    "\n\n-----Original Message-----\n\nTest",
    "\n\n-----Ursprüngliche Nachricht-----\nVon: bob@example.com [mailto:bob@example.com]\nGesendet: 1.2.2010\n\nTest",
    "\n\n-------- Original Message --------\nSubject: \tRe: x\nDate: \tTue, 3 Apr 2012 10:10:10 -0600\nFrom: \tBob\nTo: \tAnn\n\ntext",
    "\n\n--------------- Original Message ---------------\nFrom: x\n\nhi",
    "\n\n---- On Thu, 5 Feb 2015 10:10:10 -0800 Bob<bob@example.com> wrote ----\n\nhello",
    "\n\n___________\nFrom: someone\nSent: now\n\nx",
    "\n\n  From: Bob [bob@example.com]\nSent: Wednesday, January 16, 2013 1:30 PM\nTo: x\nSubject: y\n\nx",
    "\n\nDate: Tue, 22 May 2012 18:29:16 -0600\nTo: xx@example.ca\nFrom: quick@example.com\nSubject: You Have New Mail From x!\n\ntext",
    "\n\n--- mary@example.com wrote ---\n\n> x",
    "\n\nOn Nov 30, 2011, at 12:47 PM, Somebody <\n416ffd3258d4d2fa4c85cfa4c44e1721d66e3e8f4@example.com>\nwrote:\n\n> Test",
    "\n\nOp 17-feb.-2015, om 13:18 heeft Julius Caesar <pantheon@rome.com> het volgende geschreven:\n\n> Small batch beard\n",
    "\n\n\u202aOn Feb 4, 2014, at 10:30 AM, Bob <bob@example.com> wrote:\u202c\n\n> x",
    "\n\nEl 25/06/2014, a las 12:34, Bob López <bob@example.com> escribió:\n\n> hola",
    "\n\nsent from my phone\n\nOn Mon, Jan 1, 2018, 10:11 AM Bob <bob@example.com> wrote:\n\n> x",
    "\n\n________________________________________\nFrom: Bob (via App) [noreply@example.com]\nSent: 5. maj 2015 10:11\nTo: x\nSubject: y\n\nx",
    "\n\nFrom:\nBob Lee <bob@example.com>\nTo:\nAnn <ann@example.com>\nDate:\n04/03/2012 04:19 PM\nSubject:\nLunch\n\nhi",
    "\n\nVon: Bob Lee <bob@example.com>\nDatum: Dienstag, 3. April 2012 um 16:19\nAn: Ann\nCc: Carl\nBetreff: Lunch\n\nhi",
    "\n\nDe : Bob Lee <bob@example.com>\nDate : mardi 3 avril 2012 à 16:19\nÀ : Ann\nObjet : Lunch\n\nhi",
    "\n\nDe: Bob Lee <bob@example.com>\nFecha: martes, 3 de abril de 2012, 16:19\nPara: Ann\nAsunto: Lunch\n\nhi",
    "\n\nOn Tue, 3 Apr 2012 at 16:19, Bob Lee via Example Helpdesk <\nreply+abc123def456@reply.example.com> wrote:\n\n> hello\n> --\n> sig\n\n\n\n-- \nAnn",
    "\n\n> On 3 Apr 2012, at 16:19, Bob Lee wrote:\n> \n> hello\n> there\n",
    "\n\n> Le 3 avr. 2012 à 16:19, Bob <bob@example.com> a écrit :\n> \n> salut",
    "\n\nBob Lee <bob@example.com> 于 2012年4月3日周二 下午4:19写道：\n\n> hi",
    "\n\nBob <bob@example.com> 在 2012年4月3日 星期二 16:19 写道：\n\nhi",
    "\n\n发自我的 iPhone\n\n在 2012年4月3日，16:19，Bob <bob@example.com> 写道：\n\n> hi",
    '\n\n---Original---\nFrom: "Bob"<bob@example.com>\nDate: Tue, Apr 3, 2012 16:19 PM\nTo: "Ann"<ann@example.com>;\nSubject: Re: x\n\nhi',
    "\n\n---- Replied Message ----\n| From | Bob<bob@example.com> |\n| Date | 04/03/2012 16:19 |\n| To | Ann<ann@example.com> |\n| Subject | x |\nhi",
    "\n\n-------- 원본 메일 --------\n보낸사람: Bob <bob@example.com>\n받는사람: Ann\n날짜: 2012-04-03 16:19\n제목: x\n\nhi",
    "\n\nEnviado do meu iPhone\n\nEm 3 de abr. de 2012, à(s) 16:19, Bob <bob@example.com> escreveu:\n\n> oi",
    "\n\nVon meinem iPhone gesendet\n\nAm 03.04.2012 um 16:19 schrieb Bob <bob@example.com>:\n\n> hi",
    "\n\nEnvoyé de mon iPhone\n\n> Le 3 avr. 2012 à 16:19, Bob <bob@example.com> a écrit :\n> \n> salut",
    "\n\n*From: *Bob Lee <bob@example.com>\n*Date: *Tuesday, April 3, 2012 at 4:19 PM\n*To: *Ann\n*Subject: *Lunch\n\nhi",
    '\n\n----- Messaggio originale -----\nDa: "Bob" <bob@example.com>\nA: "Ann" <ann@example.com>\nInviato: Martedì, 3 aprile 2012 16:19:00\nOggetto: x\n\nciao',
    "\n\n----- Forwarded message from Bob Lee <bob@example.com> -----\n\nDate: Tue\nhi\n\n----- End forwarded message -----",
    "\n\n==============================\nFrom: Bob Lee\nDate: 3 April 2012\nSubject: x\n\nhi",
    "\n\nOn 3 April 2012 16:19, Bob Lee\n<bob@example.com> wrote:\n> hi",
    "\n\nOn 3 April 2012 at 16:19:22, Bob Lee (bob@example.com) wrote:\n\nhi",
    "\n\nOn Tue, Apr 3, 2012 at 4:19 PM, <bob@example.com> wrote:\n\n> hi",
    "\n\nOn Tue, Apr 3, 2012 at 4:19 PM, bob@example.com <bob@example.com> wrote:\nhi",
    "\n\n[image: photo]\n\nOn Tue, Apr 3, 2012 at 4:19 PM, <bob@example.com> wrote:\n\n> hi",
    "\n\nLe vendredi 7 juin 2013, Bob Lee a écrit :\n\n> salut",
    "\n\nLe 3 avril 2012 à 16:19, Bob Lee <bob@example.com> a\nécrit :\n\n> salut",
    "\n\n03.04.2012 16:19, Bob Lee пишет:\n> привет",
    '\n\n3 апреля 2012 г., 16:19 пользователь "Bob Lee" <\nbob@example.com> написал:\n\n> привет',
    "\n\nOn April 3, 2012 at 4:19:00 PM, Bob Lee wrote:\n> hi",
    "\n\n##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein. -##\n\nhi",
    "\n\n-- Please reply above this line --\n\nhi",
    "\n\n======= Please reply above this line =======\nhi",
    "\n\nReply above this line\n\nhi",
    "\n\nOn 2012-04-03, Bob Lee wrote:\n> hi",
    "\n\nIn article <abc@example.com>, Bob Lee wrote:\n> hi",
    "\n\nIn message <abc@example.com>, Bob Lee <bob@example.com> writes:\n> hi",
    '\n\n>>>>> "Bob" == Bob Lee <bob@example.com> writes:\n> hi',
    "\n\nBob Lee <bob@example.com> writes:\n\n> hi\n> there",
    "\n\n+++ Bob Lee [2012-04-03 16:19]:\n> hi",
    "\n\n* Bob Lee (bob@example.com) wrote:\n> hi",
    "\n\nThus spake Bob Lee (bob@example.com):\n> hi",
    "\n\nAm Dienstag, 3. April 2012, 16:19:00 schrieb Bob Lee:\n> hi",
    "\n\nAm Dienstag, den 03.04.2012, 16:19 +0200 schrieb Bob Lee:\n> hi",
    "\n\nDen tir. 3. apr. 2012 16:19 skrev Bob <bob@example.com>:\n\n> hei",
    "\n\nEl mar., 3 abr. 2012 16:19, Bob Lee <bob@example.com>\nescribió:\n\n> hola",
    "\n\nEm qua, 3 de abr de 2012 16:19, Bob Lee <\nbob@example.com> escreveu:\n\n> oi",
    "\n\n2012年4月3日(火) 16:19 Bob Lee <\nbob@example.com>:\n\n> hi",
    "\n\nOn 2012/04/03 16:19, Bob Lee wrote:\n> hi\n\n\n",
    '\n\nOn Apr 3, 2012 16:19, "Bob Lee" <bob@example.com>\nwrote:\n>\n> hi',
    "\n\nBegin forwarded message:\n\n> From: Bob <bob@example.com>\n> Subject: x\n> Date: April 3, 2012\n> To: Ann\n> \n> hi",
    "\n\n--- Original message ---\nhi",
    "\n\n***** Original Message *****\nhi",
    "\n\nOriginal Message\nFrom: Bob\nSent: x\n\nhi",
    "\n\n-----Original Appointment-----\nFrom: Bob\nSent: x\nhi",
    '\n\n----- Original Message -----\nFrom: "Bob" <bob@example.com>\nTo: <ann@example.com>\nSent: Tuesday, April 03, 2012 4:19 PM\nSubject: x\n\n> hi\n> there\n\nmore',
    "\n\n> hi\n\n> there",
    "\n\nOn Tuesday, April 3, 2012 4:19 PM, Bob Lee <bob@example.com> wrote:\n \n\n hi\n there",
    "\n\n     On Tuesday, April 3, 2012 4:19 PM, Bob Lee <bob@example.com> wrote:\n \n\n hi",
    "\n\nDňa 3. 4. 2012 o 16:19 Bob Lee napísal(a):\n> hi",
    "\n\n2012. 04. 03. 16:19 időpontban Bob Lee ezt írta:\n> hi",
    "\n\nDana 3. travnja 2012. 16:19 Bob Lee <bob@example.com> je napisao/la:\n\n> hi",
    "\n\nDne út 3. 4. 2012 16:19 uživatel Bob Lee <bob@example.com> napsal:\n\n> hi",
    "\n\nla 03.04.2012 16:19, Bob Lee a scris:\n> hi",
    "\n\nPe mar., 3 apr. 2012 la 16:19 Bob Lee <bob@example.com> a scris:\n\n> hi",
    "\n\nVào 16:19 Thứ Ba, 3 tháng 4, 2012, Bob Lee <bob@example.com> đã viết:\n> hi",
    "\n\nTarih: 3 Nisan 2012 Salı 16:19\nKimden: Bob <bob@example.com>\nKime: Ann\nKonu: x\n\nhi",
    "\n\n________________________________\nVan: Bob <bob@example.com>\nVerzonden: dinsdag 3 april 2012 16:19\nAan: Ann\nCC: Carl\nOnderwerp: x\n\nhi",
    "\n\n--- Ursprüngliche Nachricht ---\nVon: Bob\n\nhi",
    "\n\nGesendet mit der GMX Mail App\n\nAm 03.04.12, 16:19, Bob <bob@example.com> schrieb:\n\n> hi",
    "\n\n\nAm 3. April 2012 16:19:00 MESZ schrieb Bob Lee <bob@example.com>:\n>hi\n>there",
    "\n\nGet Outlook for Android<https://aka.ms/x>\n\n________________________________\nFrom: Bob <bob@example.com>\nSent: Tuesday, April 3, 2012 4:19:00 PM\nTo: Ann\nSubject: x\n\nhi",
]

TEXT_WITHOUT_HISTORY = [
    "Hi,\n\nplease update:\n\nFrom: 10:00\nTo: 12:00\nSubject: meeting\n\nThanks",
    "Hi all,\n\nBob said on 3 May 2024:\nthat is fine.\n\nAnn",
    "On 3 May 2024 at 10:00, the team (lead: Bob) decided:\n\n- a\n- b",
    "To whom it may concern:\n\nhello",
    "Date: 3 May 2024\nTo: All staff\nFrom: Management\nSubject: Parking\n\nNo parking.",
    "Here is the list of addresses as of 2024-05-03 10:00:\n\nbob@example.com\n",
    "Please write to support@example.com by 3.5.2024:\n\nThanks",
    "Hi\n\n> a\n\nyes\n\n> b\n\nno\n\n-- \nAnn",
    "Hi\n\n1. a > b\n2. > c is wrong\n\nbye",
    "Steps:\n\n---------------\nStep 1\n---------------\nfoo\n",
    "Release 1.2.3 (2024-05-03 10:00)\n\nChanges:\n- x\n\nFull changelog: https://x",
    "Summary\n=======\n\nAll good.\n\nDetails\n-------\n\nNone.",
    "Your order 123 was shipped on 3/5/2024 10:11:\n\n1 x Tea\n",
    "Bob Lee commented on 3 May 2024:\n\nLooks good to me!\n\n--\nView it on example.com",
    "Von: Ulm\nNach: Bonn\nDatum: 3.5.2024\n",
    "Am 3. Mai um 10:00 Uhr schrieb ich dem Amt. Es kam keine Antwort.\n\nGruß",
    "> quoted start\n\nmy answer below",
    "Sent from my iPhone",
    "Hi\n\nSent from my iPhone\n",
    "A\n-----\nOriginal\n-----\nB",
    "echo 'x' > file\ncat < file",
    "Dear all,\n\nMeeting minutes 2024-05-03\nPresent: Ann, Bob\nFrom: 10:00\nTill: 11:00\n\nTopics: none",
]

HTML = [
    (
        "Reply",
        "Reply <blockquote><div>On 11-Apr-2011, at 6:54 PM, Bob &lt;bob@example.com&gt; wrote:</div><div>Test</div></blockquote>",
    ),
    (
        "Reply",
        "Reply <div>On 11-Apr-2011, at 6:54 PM, Bob &lt;bob@example.com&gt; wrote:</div><blockquote><div>Test</div></blockquote>",
    ),
    (
        "Reply Regular",
        "Reply <blockquote>Regular</blockquote><div>On 11-Apr-2011, at 6:54 PM, Bob &lt;bob@example.com&gt; wrote:</div><blockquote><div>Test</div></blockquote>",
    ),
    ("Reply", "Reply <div>On 11-Apr-2011, at 6:54 PM, Bob &lt;bob@example.com&gt; wrote:<div>Test</div></div>"),
    (
        "message",
        "<div>message<br></div><div>Date: Fri, 23 Mar 2012 12:35:31 -0600<br>To: <a href='mailto:b@example.com'>b@example.com</a><br>From: <a>s@example.com</a><br>Subject: You Have New Mail From Mary!<br><br>text</div>",
    ),
    (
        "message wrapper",
        "<div>message<br><div>wrapper</div></div><div>From: s@example.com<br>To: b@example.com<br>Date: Fri, 23 Mar 2012 12:35:31 -0600<br>Subject: x<br><br>text</div>",
    ),
    (
        "Blah",
        "<body><div>Blah<br><br><hr>Date: Tue, 22 May 2012 18:29:16 -0600<br>To: xx@example.ca<br>From: q@example.com<br>Subject: New Mail<br><br></div></body>",
    ),
    ("Hi.", "<html><head></head><body><p>Hi.</p><div dir='ltr'><div id='divRplyFwdMsg'>x</div>y</div></body></html>"),
    (
        "Thank you!",
        '<div>Thank you!</div><div><br></div><div style="font-family:arial"><hr size="1"><b><span style="font-weight:bold;">From:</span></b> Bob Lee &lt;bob@example.com&gt;<br> <b>To:</b> Ann<br> <b>Sent:</b> Tuesday, April 3, 2012 4:19 PM<br> <b>Subject:</b> Lunch<br></div>old',
    ),
    (
        "Ok",
        '<p class="MsoNormal">Ok<o:p></o:p></p><p class="MsoNormal"><span>&nbsp;</span></p><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b><span>Fra:</span></b><span> Bob [mailto:bob@example.com] <br><b>Sendt:</b> 3. april 2012 16:19<br><b>Til:</b> Ann<br><b>Emne:</b> Lunch</span></p></div><p>old</p>',
    ),
    (
        "Ok",
        '<p>Ok</p><div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in"><p class=MsoNormal style="margin-left:.5in"><b>From:</b> Bob <br><b>Sent:</b> Monday<br><b>Subject:</b> x</p></div></div><p>old</p>',
    ),
    (
        "Yes",
        '<div dir="auto">Yes</div><br><div class="gmail_quote"><div dir="ltr">Am Di., 3. Apr. 2012, 16:19 hat Bob &lt;bob@example.com&gt; geschrieben:<br></div><blockquote class="gmail_quote"><div>x</div></blockquote></div>',
    ),
    (
        "Yes",
        '<p dir="ltr">Yes</p> <div class="gmail_quote">On Apr 3, 2012 4:19 PM, &quot;Bob&quot; &lt;<a href="mailto:b@example.com">b@example.com</a>&gt; wrote:<br type="attribution"><blockquote class="gmail_quote" style="x">old</blockquote></div>',
    ),
    (
        "Yes -- Ann",
        '<div>Yes</div><div><br></div><div>-- <br></div><div>Ann</div><div class="gmail_quote_container gmail_quote"><div class="gmail_attr">x</div><blockquote class="gmail_quote">old</blockquote></div>',
    ),
    (
        "Yes Sent from Yahoo Mail on Android",
        'Yes<br><br><div id="ymail_android_signature"><a>Sent from Yahoo Mail on Android</a></div> <br> <blockquote style="margin: 0 0 20px 0;"> <div style="font-family:Roboto"> <div>On Tue, Apr 3, 2012 at 4:19 PM, Bob</div><div>&lt;bob@example.com&gt; wrote:</div> </div> <div style="padding: 10px"> old </div> </blockquote>',
    ),
    (
        "Yes",
        '<div class="yahoo-style-wrap"><div>Yes</div><div><br></div></div><div id="yahoo_quoted_123" class="yahoo_quoted"><div>Bob skrev</div>old</div>',
    ),
    (
        "Yes",
        '<div style="font-family: Arial;">Yes<br></div><div class="protonmail_signature_block protonmail_signature_block-empty"><div></div></div><div style="font-family: Arial;"><br></div><div class="protonmail_quote"> On Tuesday, April 3rd, 2012 at 4:19 PM, Bob wrote:<br><br><blockquote type="cite">old</blockquote><br></div>',
    ),
    (
        "Yes",
        '<html><body><div>Yes</div><div id="composer_signature"><div></div></div><div><br></div><div style="font-size:100%"><!-- originalMessage --><div>-------- Ursprüngliche Nachricht --------</div><div>Von: Bob </div></div>old</body></html>',
    ),
    (
        "Yes",
        '<div>Yes</div><br><br><div class="x_gmail_extra"><div class="x_gmail_quote"><blockquote class="x_gmail_quote">old</blockquote></div></div>',
    ),
    (
        "Yes",
        '<div class="WordSection1"><p>Yes</p><div id="mail-editor-reference-message-container"><div><div>x</div></div></div></div>',
    ),
    (
        "Ja",
        '<div>Ja</div><div>Op di 3 apr. 2012 om 16:19 schreef Bob &lt;<a>bob@example.com</a>&gt;:<br></div><blockquote style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">old</blockquote>',
    ),
    (
        "Да",
        '<div>Да</div><div><br></div><div>03.04.2012, 16:19, "Bob" &lt;bob@example.com&gt;:</div><blockquote><p>old</p></blockquote><div><br></div><div>-- </div><div>Ann</div>',
    ),
    (
        "好的",
        '<div>好的</div><div><br></div><div><div>------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>&nbsp;"Bob"</div></div>old</div>',
    ),
    (
        "好的",
        '<div>好的</div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><div style="font-size:12px"><div><b>发件人：</b>&nbsp;Bob</div><div><b>发送时间：</b>&nbsp;2012-04-03&nbsp;16:19</div><div><b>收件人：</b>&nbsp;Ann</div><div><b>主题：</b>&nbsp;x</div></div></div><div>old</div>',
    ),
    (
        "はい",
        '<div>はい</div><div class="gmail_quote"><div dir="ltr">2012年4月3日(火) 16:19 Bob &lt;bob@example.com&gt;:<br></div><blockquote class="gmail_quote">old</blockquote></div>',
    ),
    (
        "Hi",
        "<div>Hi</div><div>---------- Forwarded message ---------<br>From: <b>Bob</b> &lt;b@example.com&gt;<br>Date: x<br></div>old",
    ),
    ("Hi", "<body>Hi<br><br>> quoted<br>> more</body>"),
    ("Hi", "Hi<br><pre>On 3/4/2012 16:19, Bob wrote:\n&gt; x\n</pre>"),
    (
        "Hi",
        '<div>Hi</div><div><span>On Tue, Apr 3, 2012 at 4:19 PM, </span><a href="x">Bob</a><span> &lt;</span><a>b@example.com</a><span>&gt; wrote:</span></div><div>old</div>',
    ),
    (
        "Hi",
        '<div>Hi</div><div class="front-signature"></div><br><blockquote type="cite" class="front-blockquote">old</blockquote><img width="1" height="1" src="x">',
    ),
    ("Hi", '<div>Hi</div><div id="isForwardContent"><div>-------- 转发邮件信息 --------</div>old</div>'),
    ("Hi", '<div>Hi</div><div class="hs_reply">##- Please type your reply above this line -##</div>old'),
    (
        "Hi",
        "<table><tr><td>Hi</td></tr></table><hr><table><tr><td><b>From:</b></td><td>Bob &lt;b@example.com&gt;</td></tr><tr><td><b>Date:</b></td><td>3 Apr 2012</td></tr><tr><td><b>Subject:</b></td><td>x</td></tr></table>old",
    ),
    (
        "Hi",
        '<div>Hi</div><div><div>Begin forwarded message:</div><br class="Apple-interchange-newline"><blockquote type="cite">old</blockquote></div>',
    ),
    ("Hi", '<div>Hi</div><br><div><div class="tutanota_quote">old</div></div>'),
    (
        "Hi",
        '<style>a{}</style><div>Hi</div><div id="mailcontent"><p>Le mar. 3 avr. 2012 à 16:19, Bob a écrit&nbsp;:</p><blockquote>old</blockquote></div>',
    ),
]
"""Visible new content, mail."""


def visible(html: str) -> str:
    body = re.sub(r"(?s)<(style|head)\b.*?</\1>|<!--.*?-->|<[^>]*>", " ", html)
    return " ".join(body.replace("&nbsp;", " ").split())


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("history", TEXT_HISTORY)
def test_text_history_is_cut(history: str, line_end: str) -> None:
    result = extract_text(f"{NEW}{history}".replace("\n", line_end))

    assert result.replace(line_end, "\n") in {NEW + closing for closing in CLOSINGS}


@pytest.mark.parametrize("mail", TEXT_WITHOUT_HISTORY)
def test_text_without_history_is_left_alone(mail: str) -> None:
    assert extract_text(mail) is mail


@pytest.mark.parametrize(("new", "mail"), HTML)
def test_html_history_is_removed(new: str, mail: str) -> None:
    assert visible(extract_html(mail)) == new
