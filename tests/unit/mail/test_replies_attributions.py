"""The line above a quote, as mail programs write it in many languages; each is tried over quoted and over bare history."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from mailroom.mail.replies import extract_html, extract_text

NEW = "Thanks, Tuesday works for me.\n\nKind regards,\nAnn"
OLD = "Hello Ann,\n\nwould Tuesday suit you?\n\nBest,\nBob"

COMPLETE = {
    # Programs in English
    "gmail": "On Tue, Apr 3, 2012 at 4:19 PM, Bob Lee <bob@example.com> wrote:",
    "gmail 2020": "On Fri, Mar 6, 2020 at 9:03 AM Bob Lee <bob@example.com> wrote:",
    "gmail uk": "On Fri, 6 Mar 2020, 09:03 Bob Lee, <bob@example.com> wrote:",
    "gmail wrapped": "On Tue, Apr 3, 2012 at 4:19 PM, Bob Theodore Lee-Carpenter <\nbob.lee@example.com> wrote:",
    "gmail wrapped before the verb": "On Tue, Apr 3, 2012 at 4:19 PM, Bob Theodore Lee <bob.lee@example.com>\nwrote:",
    "gmail wrapped over four lines": "On Tue, Apr 3, 2012 at 4:19 PM, Bob\nTheodore Lee of the Carpentry Department\n<bob.lee@example.com>\nwrote:",
    "gmail inbox": "On Wed, 4 Nov 2015 at 10:12 Bob <bob@example.com> wrote:",
    "apple mail": "On Apr 3, 2012, at 4:19 PM, Bob Lee wrote:",
    "apple mail address": "On 3 Apr 2012, at 16:19, Bob Lee <bob@example.com> wrote:",
    "ios": "On Apr 3, 2012, at 16:19, Bob Lee <bob@example.com> wrote:",
    "ios narrow space": "On Jan 9, 2024, at 4:19\u202fPM, Bob Lee <bob@example.com> wrote:",
    "ios with mailto": "On Apr 3, 2012, at 4:19 PM, Bob Lee <bob@example.com<mailto:bob@example.com>> wrote:",
    "thunderbird": "On 04/03/2012 04:19 PM, Bob Lee wrote:",
    "thunderbird iso": "On 2012-04-03 16:19, Bob Lee wrote:",
    "thunderbird plain": "Bob Lee wrote on 3/4/2012 16:19:",
    "thunderbird said": "Bob Lee said the following on 04/03/2012 04:19 PM:",
    "yahoo": "On Tuesday, April 3, 2012, 04:19:00 PM GMT+2, Bob Lee <bob@example.com> wrote:",
    "yahoo old": "--- On Tue, 4/3/12, Bob Lee <bob@example.com> wrote:",
    "yahoo older": "On Tuesday, 3 April 2012, 16:19, Bob Lee <bob@example.com> wrote:",
    "aol": "In a message dated 4/3/2012 4:19:00 P.M. Eastern Daylight Time, bob@example.com writes:",
    "eudora": "At 04:19 PM 4/3/2012 -0700, Bob Lee wrote:",
    "eudora short": "At 4:19 PM -0700 4/3/12, you wrote:",
    "the bat": "Tuesday, April 3, 2012, 4:19:00 PM, you wrote:",
    "proton": "On Tuesday, April 3rd, 2012 at 4:19 PM, Bob Lee <bob@example.com> wrote:",
    "zoho": "---- On Tue, 03 Apr 2012 16:19:00 +0530 Bob Lee <bob@example.com> wrote ----",
    "zoho bare address": "---- On Tue, 03 Apr 2012 16:19:00 +0530 bob@example.com wrote ---",
    "spark": "On 3 Apr 2012, 16:19 +0200, Bob Lee <bob@example.com>, wrote:",
    "airmail": "On April 3, 2012 at 16:19:00, Bob Lee (bob@example.com) wrote:",
    "airmail wrapped": "On April 3, 2012 at 16:19:00, Bob Lee (bob@example.com(mailto:\nbob@example.com)) wrote:",
    "superhuman": "On Tue, Apr 03, 2012 at 4:19 PM, Bob Lee < bob@example.com > wrote:",
    "mailru en": "Tuesday, April 3, 2012 4:19 PM +04:00 from Bob Lee <bob@example.com>:",
    "yandex en": '03.04.2012, 16:19, "Bob Lee" <bob@example.com>:',
    "gmail android old": 'On Apr 3, 2012 4:19 PM, "Bob Lee" <bob@example.com> wrote:',
    "android k9": "On April 3, 2012 4:19:00 PM GMT+02:00, Bob Lee <bob@example.com> wrote:",
    "roundcube": "On 2012-04-03 16:19, Bob Lee <bob@example.com> wrote:",
    "roundcube am": "Am 2012-04-03 16:19, schrieb Bob Lee:",
    "squirrelmail": "On Tue, April 3, 2012 4:19 pm, Bob Lee wrote:",
    "mutt": "On Tue, Apr 03, 2012 at 04:19:00PM +0200, Bob Lee wrote:",
    "mutt short": "On 2012-04-03 16:19:00 +0200, Bob Lee wrote:",
    "163": 'At 2012-04-03 16:19:00, "Bob Lee" <bob@example.com> wrote:',
    "163 dashes": '在 2012-04-03 16:19:00，"Bob Lee" <bob@example.com> 写道：',
    "lotus": "Bob Lee/Ulm/Example wrote on 04/03/2012 04:19:00 PM:",
    "lotus wrapped": '"Bob Lee" <bob@example.com> wrote on 04/03/2012\n04:19:00 PM:',
    "front": "On April 3, 2012, 4:19 PM GMT+2 bob@example.com wrote:",
    "hey": "On April 3, 2012, Bob Lee <bob@example.com> wrote:",
    "no colon": "On Tue, 3 Apr 2012 16:19:00 +0200 Bob Lee <bob@example.com> wrote",
    "bold": "*On Tue, Apr 3, 2012 at 4:19 PM, Bob Lee <bob@example.com> wrote:*",
    "mutt list": "* Bob Lee <bob@example.com> [2012-04-03 16:19]:",
    # By language
    "de gmail": "Am Di., 3. Apr. 2012 um 16:19 Uhr schrieb Bob Lee <bob@example.com>:",
    "de gmail wrapped": "Am Di., 3. Apr. 2012 um 16:19 Uhr schrieb Bob Lee <\nbob@example.com>:",
    "de gmail old": "Am 3. April 2012 16:19 schrieb Bob Lee <bob@example.com>:",
    "de thunderbird": "Am 03.04.2012 um 16:19 schrieb Bob Lee:",
    "de thunderbird plain": "Am 03.04.12 16:19, schrieb Bob Lee:",
    "de apple": "Am 03.04.2012 um 16:19 schrieb Bob Lee <bob@example.com>:",
    "de name first": "Bob Lee <bob@example.com> schrieb am Di., 3. Apr. 2012, 16:19:",
    "de name first wrapped": "Bob Lee <bob@example.com> schrieb am Di., 3. Apr.\n2012, 16:19:",
    "de yahoo": "Bob Lee <bob@example.com> schrieb am 16:19 Dienstag, 3.April 2012:",
    "de hat geschrieben": "Am 03.04.2012 16:19 hat Bob Lee geschrieben:",
    "fr gmail": "Le mar. 3 avr. 2012 à 16:19, Bob Lee <bob@example.com> a écrit :",
    "fr gmail old": "Le 3 avril 2012 16:19, Bob Lee <bob@example.com> a écrit :",
    "fr wrapped": "Le mar. 3 avr. 2012 à 16:19, Bob Theodore Lee <bob@example.com> a\nécrit :",
    "fr thunderbird": "Le 03/04/2012 à 16:19, Bob Lee a écrit :",
    "fr apple": "Le 3 avr. 2012 à 16:19, Bob Lee <bob@example.com> a écrit :",
    "fr yahoo": "Le mardi 3 avril 2012 à 16:19:00 UTC+2, Bob Lee <bob@example.com> a écrit :",
    "es gmail": "El mar, 3 abr 2012 a las 16:19, Bob Lee (<bob@example.com>) escribió:",
    "es gmail old": "El 3 de abril de 2012 16:19, Bob Lee <bob@example.com> escribió:",
    "es thunderbird": "El 03/04/12 a las 16:19, Bob Lee escribió:",
    "es apple": "El 3 abr 2012, a las 16:19, Bob Lee <bob@example.com> escribió:",
    "pt gmail": "Em ter., 3 de abr. de 2012 às 16:19, Bob Lee <bob@example.com> escreveu:",
    "pt gmail old": "Em 3 de abril de 2012 16:19, Bob Lee <bob@example.com> escreveu:",
    "pt pt": "Bob Lee <bob@example.com> escreveu no dia terça, 3/04/2012 à(s) 16:19:",
    "pt apple": "No dia 03/04/2012, às 16:19, Bob Lee <bob@example.com> escreveu:",
    "pt thunderbird": "Em 03/04/2012 16:19, Bob Lee escreveu:",
    "it gmail": "Il giorno mar 3 apr 2012 alle ore 16:19 Bob Lee <bob@example.com> ha scritto:",
    "it gmail wrapped": "Il giorno mar 3 apr 2012 alle ore 16:19 Bob Lee <bob@example.com> ha\nscritto:",
    "it thunderbird": "Il 03/04/2012 16:19, Bob Lee ha scritto:",
    "nl gmail": "Op di 3 apr. 2012 om 16:19 schreef Bob Lee <bob@example.com>:",
    "nl thunderbird": "Op 03-04-12 om 16:19 schreef Bob Lee:",
    "nl apple": "Op 3 apr. 2012, om 16:19 heeft Bob Lee <bob@example.com> het volgende geschreven:",
    "sv gmail": "Den tis 3 apr. 2012 kl 16:19 skrev Bob Lee <bob@example.com>:",
    "sv apple": "3 apr. 2012 kl. 16:19 skrev Bob Lee <bob@example.com>:",
    "sv thunderbird": "Den 2012-04-03 kl. 16:19, skrev Bob Lee:",
    "da gmail": "Den tirs. 3. apr. 2012 kl. 16.19 skrev Bob Lee <bob@example.com>:",
    "da apple": "Den 3. apr. 2012 kl. 16.19 skrev Bob Lee <bob@example.com>:",
    "no gmail": "tir. 3. apr. 2012 kl. 16:19 skrev Bob Lee <bob@example.com>:",
    "no old": "Den 3. april 2012 kl. 16.19 skrev Bob Lee <bob@example.com>:",
    "fi gmail": "ti 3. huhtik. 2012 klo 16.19 Bob Lee (bob@example.com) kirjoitti:",
    "fi thunderbird": "Bob Lee kirjoitti 3.4.2012 klo 16.19:",
    "is": "Þann þri., 3. apr. 2012 kl. 16:19 skrifaði Bob Lee <bob@example.com>:",
    "pl gmail": "wt., 3 kwi 2012 o 16:19 Bob Lee <bob@example.com> napisał(a):",
    "pl gmail old": "W dniu 3 kwietnia 2012 16:19 użytkownik Bob Lee <bob@example.com> napisał:",
    "pl thunderbird": "W dniu 03.04.2012 o 16:19, Bob Lee pisze:",
    "pl apple": "Wiadomość napisana przez Bob Lee <bob@example.com> w dniu 03.04.2012, o godz. 16:19:",
    "cs gmail": "út 3. 4. 2012 v 16:19 odesílatel Bob Lee <bob@example.com> napsal:",
    "cs old": "Dne 3. dubna 2012 16:19 Bob Lee <bob@example.com> napsal(a):",
    "cs thunderbird": "Dne 03. 04. 12 v 16:19 Bob Lee napsal(a):",
    "sk gmail": "ut 3. 4. 2012 o 16:19 Bob Lee <bob@example.com> napísal(a):",
    "sk old": "Dňa 3. apríla 2012 16:19, Bob Lee <bob@example.com> napísal(a):",
    "hu gmail": "Bob Lee <bob@example.com> ezt írta (időpont: 2012. ápr. 3., K, 16:19):",
    "hu thunderbird": "2012. 04. 03. 16:19 keltezéssel, Bob Lee írta:",
    "ro": "În mar., 3 apr. 2012 la 16:19, Bob Lee <bob@example.com> a scris:",
    "bg": "На вт, 3.04.2012 г. в 16:19 Bob Lee <bob@example.com> написа:",
    "hr": "uto, 3. tra 2012. u 16:19 Bob Lee <bob@example.com> napisao je:",
    "sr": "Дана уто, 3. апр 2012. у 16:19 Bob Lee <bob@example.com> је написао/ла:",
    "sr latin": "Dana uto, 3. apr 2012. u 16:19 Bob Lee <bob@example.com> je napisao/la:",
    "sl": "V tor., 3. apr. 2012 ob 16:19 je oseba Bob Lee <bob@example.com> napisala:",
    "el": "Στις Τρί, 3 Απρ 2012 στις 4:19 μ.μ., ο/η Bob Lee <bob@example.com> έγραψε:",
    "tr gmail": "Bob Lee <bob@example.com>, 3 Nis 2012 Sal, 16:19 tarihinde şunu yazdı:",
    "tr wrapped": "Bob Lee <bob@example.com>, 3 Nis 2012 Sal, 16:19 tarihinde şunu\nyazdı:",
    "tr thunderbird": "03.04.2012 16:19 tarihinde Bob Lee yazdı:",
    "ru gmail": "вт, 3 апр. 2012 г. в 16:19, Bob Lee <bob@example.com>:",
    "ru gmail old": "3 апреля 2012 г., 16:19 пользователь Bob Lee <bob@example.com> написал:",
    "ru thunderbird": "03.04.2012 16:19, Bob Lee пишет:",
    "ru mailru": "Вторник,  3 апреля 2012, 16:19 +04:00 от Bob Lee <bob@example.com>:",
    "ru apple": "3 апр. 2012 г., в 16:19, Bob Lee <bob@example.com> написал(а):",
    "uk gmail": "вт, 3 квіт. 2012 р. о 16:19 Bob Lee <bob@example.com> пише:",
    "he gmail": "\u202bבתאריך יום ג׳, 3 באפר׳ 2012 ב-16:19 מאת \u202aBob Lee\u202c\u200f <\u202abob@example.com\u202c\u200f>:\u202c",
    "ar gmail": "في الثلاثاء، 3 أبريل 2012 في 4:19 م تمت كتابة ما يلي بواسطة Bob Lee <bob@example.com>:",
    "fa": "در تاریخ سه‌شنبه ۳ آوریل ۲۰۱۲،‏ ۱۶:۱۹ Bob Lee <bob@example.com> نوشت:",
    "hi": "मंगल, 3 अप्रैल 2012 को 4:19 pm बजे को Bob Lee <bob@example.com> ने लिखा:",
    "zh-CN": "Bob Lee <bob@example.com> 于2012年4月3日周二 16:19写道：",
    "zh-CN apple": "在 2012年4月3日，16:19，Bob Lee <bob@example.com> 写道：",
    "zh-CN old": "在 2012年4月3日 下午4:19，Bob Lee <bob@example.com>写道：",
    "zh-TW": "Bob Lee <bob@example.com> 於 2012年4月3日 週二 下午4:19寫道：",
    "zh-TW apple": "Bob Lee <bob@example.com> 於 2012年4月3日 16:19 寫道：",
    "ja gmail": "2012年4月3日(火) 16:19 Bob Lee <bob@example.com>:",
    "ja old": "2012年4月3日 16:19 Bob Lee <bob@example.com>:",
    "ja apple": "2012/04/03 16:19、Bob Lee <bob@example.com>のメール:",
    "ko gmail": "2012년 4월 3일 (화) 오후 4:19, Bob Lee <bob@example.com>님이 작성:",
    "ko apple": "2012. 4. 3. 오후 4:19, Bob Lee <bob@example.com> 작성:",
    "vi": "Vào Th 3, 3 thg 4, 2012 vào lúc 16:19 Bob Lee <bob@example.com> đã viết:",
    "th": "ในวันที่ อ. 3 เม.ย. 2012 เวลา 16:19 Bob Lee <bob@example.com> เขียนว่า:",
    "id": "Pada tanggal Sel, 3 Apr 2012 pukul 16.19 Bob Lee <bob@example.com> menulis:",
    "ms": "Pada Sel, 3 Apr 2012 pada 4:19 PTG Bob Lee <bob@example.com> menulis:",
    "et": "Kuupäev T, 3. aprill 2012 kell 16:19 kirjutas Bob Lee <bob@example.com>:",
    "lv": "otrd., 2012. g. 3. apr., plkst. 16:19 — lietotājs Bob Lee (<bob@example.com>) rakstīja:",
    "lt": "2012-04-03, an, 16:19 Bob Lee <bob@example.com> rašė:",
    "ca": "Missatge de Bob Lee <bob@example.com> del dia dt., 3 d’abr. 2012 a les 16:19:",
    "eu": "Bob Lee (bob@example.com) igorleak hau idatzi zuen (2012 api. 3, ar. (16:19)):",
    "gl": "O mar., 3 abr. 2012 ás 16:19, Bob Lee (<bob@example.com>) escribiu:",
    "af": "Op Di. 3 Apr. 2012 om 16:19 het Bob Lee <bob@example.com> geskryf:",
    "sw": "Mnamo Jumanne, 3 Aprili 2012 saa 16:19 Bob Lee <bob@example.com> aliandika:",
    "unknown language": "Ar 3/4/2012 16:19, Bob Lee <bob@example.com>:",
}
"""Say who and when: history follows, quoted or not."""

NEEDS_A_QUOTE = {
    "name only": "Bob Lee wrote:",
    "gnus": "Bob Lee <bob@example.com> writes:",
    "quoting": "Quoting Bob Lee <bob@example.com>:",
    "thunderbird without a date": "Bob Lee schrieb:",
    "date only": "On Tuesday, April 3, Bob Lee wrote:",
    "gmail of 2012": "2012/4/3 Bob Lee <bob@example.com>",
    "french name": "Bob Lee a écrit :",
}
"""Too little to cut bare text after them."""


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def in_html(text: str) -> str:
    return "".join(f"<div>{line.replace('<', '&lt;').replace('>', '&gt;') or '<br>'}</div>" for line in text.split("\n"))


@pytest.mark.parametrize("line", COMPLETE.values(), ids=COMPLETE.keys())
def test_an_attribution_and_the_quote_below_it_are_cut(line: str) -> None:
    assert extract_text(f"{NEW}\n\n{line}\n\n{quoted(OLD)}\n") == NEW


@pytest.mark.parametrize("line", COMPLETE.values(), ids=COMPLETE.keys())
def test_an_attribution_and_the_bare_history_below_it_are_cut(line: str) -> None:
    assert extract_text(f"{NEW}\r\n\r\n{line}\r\n\r\n{OLD}\r\n").replace("\r\n", "\n") == NEW


@pytest.mark.parametrize("line", COMPLETE.values(), ids=COMPLETE.keys())
def test_an_attribution_needs_no_empty_line_above(line: str) -> None:
    assert extract_text(f"Thanks, Tuesday works for me.\n{line}\n{quoted(OLD)}") == "Thanks, Tuesday works for me."


@pytest.mark.parametrize("line", COMPLETE.values(), ids=COMPLETE.keys())
def test_an_attribution_goes_with_the_blockquote_below_it(line: str) -> None:
    flat = line.replace("\n", " ")

    result = extract_html(f"{in_html(NEW)}<br>{in_html(flat)}<blockquote type='cite'>{in_html(OLD)}</blockquote>")

    assert result == in_html(NEW)


@pytest.mark.parametrize("line", [*COMPLETE.values(), *NEEDS_A_QUOTE.values()], ids=[*COMPLETE, *NEEDS_A_QUOTE])
def test_an_answer_below_the_quote_keeps_all(line: str) -> None:
    mail = f"{line}\n{quoted(OLD)}\n\nYes, Tuesday is fine.\n"

    assert extract_text(mail) is mail


@pytest.mark.parametrize("line", NEEDS_A_QUOTE.values(), ids=NEEDS_A_QUOTE.keys())
def test_a_vague_attribution_goes_with_the_quote_below_it(line: str) -> None:
    assert extract_text(f"{NEW}\n\n{line}\n{quoted(OLD)}\n") == NEW


@pytest.mark.parametrize("line", NEEDS_A_QUOTE.values(), ids=NEEDS_A_QUOTE.keys())
def test_a_vague_attribution_over_bare_text_is_content(line: str) -> None:
    mail = f"{NEW}\n\n{line}\n\n{OLD}\n"

    assert extract_text(mail) is mail
