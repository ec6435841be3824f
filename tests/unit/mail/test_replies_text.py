"""New content of plain text mail: header blocks, dividers, forwards, trailing quotes, and all that only looks like them."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from mailroom.mail.replies import LONGEST_TEXT, extract_text

NEW = "Thanks, Tuesday works for me."
OLD = "Hello Ann,\n\nwould Tuesday suit you?\n\nBest,\nBob"


def block(sender: str, sent: str, to: str, subject: str, date: str = "Tuesday, April 3, 2012 4:19 PM") -> str:
    return f"{sender}: Bob Lee <bob@example.com>\n{sent}: {date}\n{to}: Ann <ann@example.com>\n{subject}: Lunch"


HEADERS = {
    "en": block("From", "Sent", "To", "Subject"),
    "en date": block("From", "Date", "To", "Subject"),
    "en bold": "*From:* Bob Lee [mailto:bob@example.com]\n*Sent:* Tuesday, April 3, 2012 4:19 PM\n*To:* Ann\n*Subject:* Lunch",
    "en two stars": "**From:** Bob Lee <bob@example.com>\n**Sent:** Tuesday, April 3, 2012 4:19 PM\n**To:** Ann\n**Subject:** Lunch",
    "en padded": "From:        Bob Lee/Ulm/Example\nTo:        Ann/Bonn/Example@Example\nDate:        04/03/2012 04:19 PM\nSubject:        Lunch",
    "en wrapped": "From: Bob Lee\n<bob.theodore.lee@example.com>\nSent: Tuesday, April 3, 2012 4:19 PM\nTo: Ann\nSubject: Lunch",
    "en on behalf": "From: list@example.com [mailto:list@example.com] On Behalf Of Bob\nSent: 03 April 2012 16:19\nTo: Ann\nSubject: Lunch",
    "en with cc": "From: Bob\nSent: Tuesday, April 3, 2012 4:19 PM\nTo: Ann; Carl; Dora\nCc: Emil\nSubject: RE: Lunch\nImportance: High",
    "en date first": "Date: Tue, 3 Apr 2012 16:19:00 +0200\nFrom: bob@example.com\nTo: ann@example.com\nSubject: Lunch",
    "en subject first": "Subject: Lunch\nTo: ann@example.com\nFrom: bob@example.com\nDate: Tue, 3 Apr 2012 16:19:00 +0200",
    "en indented": "    From: Bob Lee <bob@example.com>\n    Sent: 03 April 2012 16:19\n    To: Ann\n    Subject: Lunch",
    "en sender and date": "From: Bob Lee <bob@example.com>\nSent: Tuesday, April 3, 2012 4:19 PM",
    "en apart": "From: Bob Lee <bob@example.com>\n\nSent: Tuesday, April 3, 2012 4:19 PM\n\nTo: Ann\n\nSubject: Lunch",
    "de": block("Von", "Gesendet", "An", "Betreff", "Dienstag, 3. April 2012 16:19"),
    "de gmx": 'Gesendet: Dienstag, 03. April 2012 um 16:19 Uhr\nVon: "Bob Lee" <bob@example.com>\nAn: ann@example.com\nBetreff: Lunch',
    "fr": block("De ", "Envoyé ", "À ", "Objet ", "mardi 3 avril 2012 16:19"),
    "fr nbsp": block("De\xa0", "Envoyé\xa0", "À\xa0", "Objet\xa0", "mardi 3 avril 2012 16:19"),
    "es": block("De", "Enviado el", "Para", "Asunto", "martes, 3 de abril de 2012 16:19"),
    "es web": block("De", "Enviado", "Para", "Asunto", "martes, 3 de abril de 2012 16:19"),
    "pt": block("De", "Enviada em", "Para", "Assunto", "terça-feira, 3 de abril de 2012 16:19"),
    "it": block("Da", "Inviato", "A", "Oggetto", "martedì 3 aprile 2012 16:19"),
    "nl": block("Van", "Verzonden", "Aan", "Onderwerp", "dinsdag 3 april 2012 16:19"),
    "sv": block("Från", "Skickat", "Till", "Ämne", "den 3 april 2012 16:19"),
    "da": block("Fra", "Sendt", "Til", "Emne", "3. april 2012 16:19"),
    "no": block("Fra", "Sendt", "Til", "Emne", "tirsdag 3. april 2012 16:19"),
    "fi": block("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe", "tiistai 3. huhtikuuta 2012 16.19"),
    "pl": block("Od", "Wysłano", "Do", "Temat", "wtorek, 3 kwietnia 2012 16:19"),
    "pl date": block("Od", "Data", "Do", "Temat", "wtorek, 3 kwietnia 2012 16:19"),
    "cs": block("Od", "Odesláno", "Komu", "Předmět", "úterý 3. dubna 2012 16:19"),
    "sk": block("Od", "Odoslané", "Komu", "Predmet", "utorok 3. apríla 2012 16:19"),
    "hu": block("Feladó", "Elküldve", "Címzett", "Tárgy", "2012. április 3., kedd 16:19"),
    "ro": block("De la", "Trimis", "Către", "Subiect", "marți, 3 aprilie 2012 16:19"),
    "bg": block("От", "Изпратено", "До", "Относно", "3 април 2012 16:19"),
    "hr": block("Od", "Poslano", "Za", "Predmet", "3. travnja 2012. 16:19"),
    "sl": block("Od", "Poslano", "Za", "Zadeva", "torek, 03. april 2012 16:19"),
    "el": block("Από", "Στάλθηκε", "Προς", "Θέμα", "Τρίτη, 3 Απριλίου 2012 16:19"),
    "tr": block("Kimden", "Gönderildi", "Kime", "Konu", "3 Nisan 2012 Salı 16:19"),
    "ru": block("От", "Отправлено", "Кому", "Тема", "3 апреля 2012 г. 16:19"),
    "uk": block("Від", "Надіслано", "Кому", "Тема", "3 квітня 2012 р. 16:19"),
    "he": block("מאת", "נשלח", "אל", "נושא", "יום שלישי 03 אפריל 2012 16:19"),
    "ar": block("من", "تاريخ الإرسال", "إلى", "الموضوع", "03 أبريل 2012 16:19"),
    "zh-CN": block("发件人", "发送时间", "收件人", "主题", "2012年4月3日 16:19").replace(": ", "： "),
    "zh-CN narrow": block("发件人", "日期", "收件人", "主题", "2012-04-03 16:19"),
    "zh-TW": block("寄件者", "寄件日期", "收件者", "主旨", "2012年4月3日 下午 04:19"),
    "ja": block("差出人", "送信日時", "宛先", "件名", "2012年4月3日 16:19"),
    "ko": block("보낸 사람", "보낸 날짜", "받는 사람", "제목", "2012년 4월 3일 화요일 오후 4:19"),
    "ko outlook": block("보낸 사람", "날짜", "받는 사람", "제목", "2012년 4월 3일 화요일 오후 4:19"),
    "vi": block("Từ", "Đã gửi", "Đến", "Chủ đề", "03 Tháng Tư 2012 16:19"),
    "th": block("จาก", "ส่ง", "ถึง", "เรื่อง", "3 เมษายน 2012 16:19"),
    "id": block("Dari", "Dikirim", "Kepada", "Perihal", "03 April 2012 16:19"),
    "et": block("Saatja", "Saadetud", "Saaja", "Teema", "teisipäev, 3. aprill 2012 16:19"),
    "lv": block("No", "Nosūtīts", "Kam", "Tēma", "otrdiena, 2012. gada 3. aprīlis 16:19"),
    "lt": block("Nuo", "Išsiųsta", "Kam", "Tema", "2012 m. balandžio 3 d. 16:19"),
    "ca": block("De", "Enviat", "Per a", "Assumpte", "dimarts, 3 d'abril de 2012 16:19"),
}

DIVIDERS = {
    "outlook": "-----Original Message-----",
    "spaced": "----- Original Message -----",
    "samsung": "-------- Original message --------",
    "proton": "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
    "em client": "------ Original Message ------",
    "reply message": "----- Reply message -----",
    "gmail forward": "---------- Forwarded message ---------",
    "gmail forward old": "---------- Forwarded message ----------",
    "zoho forward": "============ Forwarded message ============",
    "yahoo forward": "----- Forwarded Message -----",
    "lotus": "----- Forwarded by Bob Lee/Ulm/Example on 04/03/2012 04:19 PM -----",
    "apple forward": "Begin forwarded message:",
    "de": "-----Ursprüngliche Nachricht-----",
    "de gmx": "-------- Original-Nachricht --------",
    "de forward": "-------- Weitergeleitete Nachricht --------",
    "de apple": "Anfang der weitergeleiteten Nachricht:",
    "fr": "-----Message d'origine-----",
    "fr curly": "-----Message d’origine-----",
    "fr zimbra": "----- Mail original -----",
    "fr apple": "Début du message réexpédié :",
    "es": "-----Mensaje original-----",
    "es apple": "Inicio del mensaje reenviado:",
    "pt": "-----Mensagem original-----",
    "pt forward": "---------- Mensagem encaminhada ---------",
    "it": "-----Messaggio originale-----",
    "it apple": "Inizio messaggio inoltrato:",
    "nl": "-----Oorspronkelijk bericht-----",
    "nl apple": "Begin doorgestuurd bericht:",
    "sv": "-----Ursprungligt meddelande-----",
    "da": "-----Oprindelig meddelelse-----",
    "no": "-----Opprinnelig melding-----",
    "fi": "-----Alkuperäinen viesti-----",
    "pl": "-----Wiadomość oryginalna-----",
    "cs": "-----Původní zpráva-----",
    "sk": "-----Pôvodná správa-----",
    "hu": "-----Eredeti üzenet-----",
    "el": "-----Αρχικό μήνυμα-----",
    "tr": "-----Özgün İleti-----",
    "ru": "-----Исходное сообщение-----",
    "ru forward": "-------- Пересылаемое сообщение --------",
    "uk": "-----Оригінальне повідомлення-----",
    "he": "-----הודעה מקורית-----",
    "zh-CN": "------------------ 原始邮件 ------------------",
    "zh-CN forward": "-------- 转发邮件信息 --------",
    "zh-TW": "-----原始郵件-----",
    "ja": "-----元のメッセージ-----",
    "ko": "-----원본 메시지-----",
    "ticket": "##- Please type your reply above this line -##",
    "ticket dashes": "--- Reply above this line ---",
    "ticket german": "--- Bitte antworten Sie oberhalb dieser Linie ---",
}

UNTOUCHED = {
    "plain": "Hi Ann,\n\nTuesday is fine.\n\nBob\n",
    "empty": "",
    "blank": " \n\n ",
    "prose about writing": "On Monday John wrote: we should leave on 3 May 2024 at 10:00.\n\nI do not agree.",
    "prose with a colon": "On 12 May 2024 at 10:00 I wrote to you about the following items:\n\n- price\n- place\n",
    "prose with weekday": "On Monday I said:\n\nno.",
    "on the other hand": "On the one hand, yes.\n\nOn the other hand, see 2024:\n\nit was bad.",
    "in german": "Am Montag habe ich 3 Punkte notiert:\n\n- eins\n- zwei",
    "am with time": "Am 3. Mai treffen wir uns um 10:30 Uhr mit folgenden Punkten:\n\n- eins\n- zwei",
    "timetable": "Please book:\n\nFrom: Ulm\nTo: Bonn\nDate: 3 May 2024\n\nThanks",
    "sender and recipient": "Set the form up like this:\n\nFrom: shop@example.com\nTo: ann@example.com\n\nThanks",
    "subject line": "Subject: Lunch\n\nLet us eat.",
    "fields": "Name: Ann Example\nEmail: ann@example.com\nPhone: 12345\nMessage: please call me",
    "to do": "To: do list\n- milk\n- bread",
    "times": "Open:\n\n2024-01-15 14:30:25\n15.01.2024 14:30\nJan 15, 2024 at 14:30\n\nOnly examples.",
    "divider": "Part one\n\n--------------------\n\nPart two\n\n____________________\n\nPart three",
    "table": "Item      Price\n----------------\nTea          2\nCoffee       3\n----------------\nSum          5",
    "markdown": "# Notes\n\n---\n\n## One\n\n* * *\n\ntext\n\n***\n",
    "markdown quote": "As the manual says:\n\n> Press the button.\n\nI pressed it, and nothing happened.",
    "two quotes": "> Which day?\n\nTuesday.\n\n> Which time?\n\nNoon.\n",
    "two quotes without gaps": "> Which day?\nTuesday.\n> Which time?\nNoon.\n",
    "interleaved": "On 03/04/2012 16:19, Bob wrote:\n> Hello\n> Which day?\n\nTuesday.\n\n> Which time?\n\nNoon.\n\n> Best,\n> Bob\n",
    "interleaved below a greeting": "Hi Bob,\n\nOn 03/04/2012 16:19, Bob wrote:\n> Which day?\n\nTuesday.\n\n> Which time?\n\nNoon.\n\nAnn",
    "interleaved, rest quoted": "Hi,\n\n> Which day?\nTuesday.\n> Which time?\n> Best,\n> Bob",
    "bottom": "On 03/04/2012 16:19, Bob wrote:\n> Which day?\n\nTuesday.\n\n-- \nAnn",
    "all history": "On 03/04/2012 16:19, Bob wrote:\n> Which day?\n",
    "all forward": "---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nDate: Tue, 3 Apr 2012\nSubject: Lunch\nTo: Ann\n\nHello",
    "all quoted": "> Which day?\n> Best,\n> Bob",
    "diff": "My change:\n\n1c1\n< old line\n---\n> new line",
    "python shell": "Try this:\n\n>>> import this\n>>> print(1)",
    "conflict": "It says:\n\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> topic",
    "escaped from": "Hello\n\n>From my point of view it is fine.",
    "html snippet": "Use this:\n\n<div>\n  <p>Hello</p>\n</div>\n\n-> then reload\n=> done",
    "email list": "Write to:\n\nann@example.com\nBob <bob@example.com>\nCarl <carl@example.com>:\n\nthanks",
    "signature": "Hello\n\n-- \nAnn Example\nExample Ltd\nwww.example.com",
    "phone signature": "Hello\n\nSent from my iPhone",
    "phone sentence": "Hello\n\nSent from my desk, which is easier.\n\nSee you.",
    "phone signature and notice": "Hello\n\nSent from my iPhone\n\nThis email and any attachments are confidential.",
    "list footer": "Hello\n\n_______________________________________________\nexample mailing list\nexample@lists.example.com",
    "original message in prose": "The original message was lost.\n\nOriginal message handling is hard.",
    "above this line in prose": "Please sign above this line.\n\nThank you.",
    "log": "ERROR 2024-05-03 10:00:01 worker:\n  at foo (bar.js:10:3)\n\n2024-05-03 10:00:02 retry:\n ok",
    "agenda": "Agenda for 3 May 2024:\n\n10:00 welcome\n10:30 talk by Bob <bob@example.com>:\nlong talk\n",
    "changelog": "2012-04-03  Bob Lee  <bob@example.com>\n\n\t* file.c: Fix.\n\t* other.c: Fix.\n",
    "git log": "commit abc\nAuthor: Bob Lee <bob@example.com>\nDate:   Tue Apr 3 16:19:00 2012 +0200\n\n    Fix the build\n",
    "newsletter": "OUR NEWS 4/2024\n\nRead more: https://example.com/a\n\n---\n\nUnsubscribe: https://example.com/u\nSent to: ann@example.com\n",
    "order": "Order date: 3 May 2024 10:00\nFrom: Example Shop\nTotal: 10.00\n\nThank you for your order!",
    "invitation": "When: Tuesday, April 3, 2012 4:00 PM\nWhere: Ulm\n\nPlease come.",
    "bounce": "The following message to <ann@example.com> was undeliverable.\n\nReporting-MTA: dns; mx.example.com\nFinal-Recipient: ann@example.com",
    "quotation": 'He wrote:\n\n"I came, I saw."\n\nNice.',
    "chat": "Ann: hello\nBob: hi\nAnn: see you at 10:30\n",
    "poem": "On days like 3.4.\nI wrote:\nnothing at all.",
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_block_opens_history(headers: str) -> None:
    assert extract_text(f"{NEW}\n\n{headers}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_the_rule_above_a_header_block_goes_with_it(headers: str) -> None:
    assert extract_text(f"{NEW}\r\n________________________________\r\n{headers}\r\n\r\n{OLD}\r\n") == NEW


@pytest.mark.parametrize("divider", DIVIDERS.values(), ids=DIVIDERS.keys())
def test_a_divider_with_a_title_opens_history(divider: str) -> None:
    assert extract_text(f"{NEW}\n\n{divider}\n{HEADERS['en']}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("divider", DIVIDERS.values(), ids=DIVIDERS.keys())
def test_a_divider_with_a_title_needs_no_header_block(divider: str) -> None:
    assert extract_text(f"{NEW}\n\n{divider}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("mail", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_text_without_history_behind_it_comes_back_as_it_is(mail: str) -> None:
    assert extract_text(mail) is mail


def test_a_quote_at_the_end_needs_no_attribution() -> None:
    assert extract_text(f"{NEW}\n\n> Which day?\n>\n> Best,\n> Bob\n") == NEW


def test_a_header_field_on_the_line_of_the_divider_is_understood() -> None:
    old = "-------- Original message --------From: Bob <bob@example.com> Date: 4/3/12 4:19 PM (GMT+01:00) To: Ann Subject: Lunch"

    assert extract_text(f"{NEW}\n\n{old}\n\n{OLD}") == NEW


def test_header_fields_on_one_line_open_history() -> None:
    old = "*From:* Bob <bob@example.com> *Sent:* Tuesday, April 3, 2012 4:19 PM *To:* Ann *Subject:* Lunch"

    assert extract_text(f"{NEW}\n\n{old}\n\n{OLD}") == NEW


def test_a_signature_above_the_history_stays() -> None:
    kept = f"{NEW}\n\n-- \nAnn Example\nExample Ltd"

    assert extract_text(f"{kept}\n\nOn 03/04/2012 16:19, Bob wrote:\n> Which day?\n") == kept


def test_a_phone_signature_above_the_history_stays() -> None:
    kept = f"{NEW}\n\nSent from my iPhone"

    assert extract_text(f"{kept}\n\n> On Apr 3, 2012, at 16:19, Bob <bob@example.com> wrote:\n> \n> Which day?\n") == kept


def test_bare_text_below_a_phone_signature_is_history() -> None:
    kept = f"{NEW}\n\nSent from my Galaxy"

    assert extract_text(f"{kept}\n\nHello Ann, would Tuesday suit you?\n\nBob\n") == kept


@pytest.mark.parametrize(
    "footer",
    [
        "-- \nAnn Example\nExample Ltd",
        "--\nAnn",
        "_______________________________________________\nexample mailing list\nexample@lists.example.com",
        "You received this message because you are subscribed to the group.\nTo unsubscribe, send a mail.",
        "Sent from my iPhone",
        "-- \n\n________________\n\nThis message is confidential.\n\nIf it is not yours, delete it.\n________________",
    ],
)
def test_a_footer_below_the_quote_is_no_answer(footer: str) -> None:
    assert extract_text(f"{NEW}\n\nOn 03/04/2012 16:19, Bob wrote:\n> Which day?\n> Bob\n\n{footer}\n") == NEW


def test_a_quoted_line_wrapped_on_its_way_is_still_quoted() -> None:
    old = "> This line was longer than the seventy-odd characters that a mail may have so\nit was wrapped\n> and goes on."

    assert extract_text(f"{NEW}\n\nOn 03/04/2012 16:19, Bob wrote:\n{old}\n") == NEW


def test_an_answer_between_quotes_survives_the_history_below() -> None:
    kept = "> Which day?\n\nTuesday.\n\n> Which time?\n\nNoon."

    assert extract_text(f"{kept}\n\n-----Original Message-----\nFrom: Bob\nSent: Monday\n\nHello") == kept


def test_the_first_of_several_histories_is_cut() -> None:
    old = f"On 03/04/2012 16:19, Bob wrote:\n> Yes.\n>\n> On 02/04/2012 10:00, Ann wrote:\n>> No.\n\n{HEADERS['en']}\n\n{OLD}"

    assert extract_text(f"{NEW}\n\n{old}") == NEW


def test_a_citation_above_survives_the_history_below() -> None:
    kept = f"As you said:\n\n> Which day?\n\n{NEW}"

    assert extract_text(f"{kept}\n\nOn 03/04/2012 16:19, Bob <bob@example.com> wrote:\n> Hello\n> Which day?\n") == kept


def test_a_comment_above_a_forward_is_the_new_content() -> None:
    forward = "---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nDate: Tue, 3 Apr 2012\nSubject: Lunch\n\nHello"

    assert extract_text(f"FYI\n\n{forward}") == "FYI"


def test_text_beyond_the_limit_comes_back_as_it_is() -> None:
    mail = f"{NEW}\n\nOn 03/04/2012 16:19, Bob wrote:\n> Which day?\n" + "> x\n" * (LONGEST_TEXT // 4)

    assert extract_text(mail) is mail
