"""The words mail programs put around quoted history, by language. Data only; `replies_marks` gives it meaning.

Collected from what the programs insert when they reply or forward (Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Zimbra, QQ,
Mail.ru and others). Compared without regard to case.
"""

from __future__ import annotations

from typing import Final


def _phrases(table: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in table.split(";"))


# The attribution ends with one of these: "On Monday, Ann wrote:".
VERBS_LAST: Final = _phrases("""
    wrote; writes; has written; wrote the following; said the following; a écrit; a ecrit; écrit;
    a écrit ceci; hat geschrieben; geschrieben; schrieb folgendes; escribió; escribio; ha escrito; escribe; escribiu;
    va escriure; ha escrit; escreveu; escreveu o seguinte; ha scritto; scrisse; scrive; a scris; geskryf; geschreven; kirjoitti;
    kirjoittaa; skrifaði; napisał; napisała; napisał/a; pisze; napsal; napsala; napsal/a; napísal; napísala; napísal/a;
    píše; írta; ezt írta; a következőket írta; napisao; napisala; napisao/la; napisao je; napisao/la je; napisala je;
    je napisao/la; je napisao; je napisala; napisal; je napisal; piše; написао; написала; написао/ла; је написао/ла;
    напиша; написа; писал; писала; написал; пишет; пише; написав; напісаў; піша; έγραψε; yazdı; şunu yazdı;
    şunları yazdı; yazmış; menulis; telah menulis; ysgrifennodd; shkroi; sumulat; rakstīja; rašė; parašė; kirjutas;
    idatzi zuen; idatzi du; aliandika; נכתב על ידי; نوشت; لکھا; ने लिखा; đã viết; viết; লিখেছেন
""")

# The same in scripts that put no space between words.
VERBS_LAST_UNSPACED: Final = _phrases("""
    写道; 写到; 寫道; 寫到; 撰寫; 来信; 來信; 書きました; 書いた; のメール; 님이 작성; 님이 씀; 작성; 썼습니다;
    เขียนว่า; เขียน; ได้เขียน
""")

# The author or the date may follow: "Am 3. Mai schrieb Ann:".
VERBS_ANYWHERE: Final = _phrases("""
    schrieb; schreef; skrev; said the following on; kirjoitti; skreiv; kirjutas; a écrit le; escreveu no dia;
    escreveu em; wrote on; wrote at;
    schreef op; skrev den; scrive il; ha scritto il; ezt írta; írta; tarihinde; igorleak hau idatzi; כתב; כתבה; כתב/ה;
    מאת; كتب; كتبت; تمت كتابة ما يلي بواسطة; tulis
""")

# First word of an attribution whose rest may have wrapped onto the next lines.
OPENINGS: Final = _phrases("""
    on; at; in; am; le; el; il; em; op; den; dne; dnia; w; na; în; la; στις; в; на; у; dňa; dana; kuupäev; pada; vào;
    ngày; في; در; v; o; al; lo; quoting
""")

OPENINGS_UNSPACED: Final = _phrases("""
    ในวันที่; เมื่อ; בתאריך; ב-; 在; 於
""")

# Header fields of a quoted mail, as Outlook and many others write them above it.
SENDER: Final = _phrases("""
    from; von; de; da; van; från; fra; frå; lähettäjä; lähettänyt; od; nadawca; odesílatel; odosielateľ; feladó;
    expeditor; de la; от; від; от кого; šalje; pošiljatelj; пошиљалац; από; αποστολέας; kimden; gönderen; מאת; من; از;
    प्रेषक; 发件人; 發件人; 寄件者; 寄件人; 差出人; 送信者; 보낸 사람; 보낸사람; 발신; từ; người gửi; จาก; dari; saatja;
    no; nuo; nork; remitente; expéditeur; absender; mittente; remetente; afzender; avsändare; afsender; avsender;
    message de; reply-to; ад; frá
""")

SENT: Final = _phrases("""
    sent; date; sent on; sent at; date sent; gesendet; gesendet am; datum; envoyé; envoyé le; envoyé à; message du; le;
    enviado; enviado el; enviado em; enviada em; enviada; enviat; fecha; data; inviato; data invio; verzonden; skickat;
    sendt; dato; lähetetty; päivämäärä; päiväys; wysłano; data wysłania; odesláno; odoslané; dátum; elküldve; küldve;
    dátuma; trimis; expediat; изпратено; дата; отправлено; отправлен; дата отправки; надіслано; дата надсилання;
    poslano; послато; datum slanja; στάλθηκε; ημερομηνία; απεσταλμένα; gönderme tarihi; gönderildi; tarih; נשלח; תאריך;
    تاريخ الإرسال; تم الإرسال; التاريخ; ارسال شده; تاریخ; भेजा गया; दिनांक; 发送时间; 发送日期; 日期; 時間; 时间;
    傳送日期; 寄件日期; 寄件時間; 送信日時; 日付; 日時; 送信; 보낸 날짜; 날짜; 보냄; 보낸시간; 발송일; 일시; đã gửi;
    ngày; gửi; ส่ง; วันที่; ส่งเมื่อ; dikirim; tanggal; dihantar; tarikh; saadetud; kuupäev; nosūtīts; nosūtīja; datums;
    išsiųsta; išsiuntė; bidalia; dags; даслана
""")

RECIPIENT: Final = _phrases("""
    to; an; à; a; para; aan; till; til; vastaanottaja; do; komu; pro; pre; címzett; către; до; кому; за; za; prima;
    primatelj; προς; kime; alıcı; אל; إلى; به; प्रति; 收件人; 宛先; 收件者; 받는 사람; 받는사람; 수신; đến; người nhận;
    ถึง; kepada; ke; saaja; kam; kellele; nori; destinataire; destinatario; empfänger; destinatário; gavėjas; per;
    saņēmējs; каму; reply to; per a
""")

COPY: Final = _phrases("""
    cc; bcc; kopie; kopia; kopi; kopio; copie à; copie; copia; dw; udw; kopija; копия; копія; κοιν.; κοινοποίηση; bilgi;
    עותק; نسخة; نسخة إلى; 抄送; 副本; 密送; 참조; másolatot kap; สำเนา; salinan; kópia; másolat; importance; priority;
    attachments; reply-to; organization; wichtigkeit; anlagen; importância; pièces jointes; allegati; bijlagen;
    添付ファイル; 附件; 첨부
""")

SUBJECT: Final = _phrases("""
    subject; betreff; objet; sujet; asunto; assunto; oggetto; onderwerp; ämne; emne; aihe; temat; předmět; predmet;
    tárgy; subiect; тема; относно; naslov; предмет; θέμα; konu; נושא; الموضوع; موضوع; विषय; 主题; 主題; 主旨; 标题;
    件名; 제목; chủ đề; tiêu đề; เรื่อง; หัวเรื่อง; perihal; subjek; teema; temats; tema; assumpte; gaia; efni; objecte;
    tēma
""")

# Between dashes, or on a line of their own above a header field.
DIVIDER_TITLES: Final = _phrases("""
    original message; reply message; replied message; original email; original mail; original e-mail; forwarded message;
    message forwarded; original appointment; forwarded email; previous message; quoted message; quoted text;
    weitergeleitete nachricht; ursprüngliche nachricht; ursprungliche nachricht; originalnachricht; original-nachricht;
    original nachricht; ursprüngliche e-mail; weitergeleitete e-mail; originale nachricht; message d'origine;
    message original; mail original; message transféré; courriel original; message initial; e-mail d'origine;
    message reçu; message transmis; mensaje original; mensaje reenviado; mensaje transmitido; correo original;
    missatge original; missatge reenviat; mensagem original; mensagem encaminhada; mensagem reencaminhada;
    mensaxe orixinal; messaggio originale; messaggio inoltrato; messaggio inoltrato originale; oorspronkelijk bericht;
    origineel bericht; doorgestuurd bericht; oorspronkelijke bericht; originalmeddelande; ursprungligt meddelande;
    originalmeddelandet; vidarebefordrat meddelande; oprindelig meddelelse; oprindelig besked; original meddelelse;
    videresendt meddelelse; videresendt besked; opprinnelig melding; original melding; videresendt melding;
    opphavleg melding; alkuperäinen viesti; välitetty viesti; edelleenlähetetty viesti; wiadomość oryginalna;
    oryginalna wiadomość; wiadomość przekazana; treść przekazanej wiadomości; przekazana wiadomość; původní zpráva;
    původní e-mail; přeposlaná zpráva; pôvodná správa; preposlaná správa; eredeti üzenet; eredeti levél;
    továbbított üzenet; továbbított levél; mesaj original; mesajul original; mesaj redirecționat; оригинално съобщение;
    препратено съобщение; изпратено съобщение; izvorna poruka; originalna poruka; proslijeđena poruka;
    prosleđena poruka; izvirno sporočilo; posredovano sporočilo; оригинална порука; исходное сообщение;
    оригинальное сообщение; первоначальное сообщение; пересылаемое сообщение; пересланное сообщение;
    пересылаемое письмо; исходное письмо; оригінальне повідомлення; початкове повідомлення; вихідне повідомлення;
    переслане повідомлення; αρχικό μήνυμα; πρωτότυπο μήνυμα; προωθημένο μήνυμα; orijinal mesaj; orijinal ileti;
    özgün ileti; özgün mesaj; iletilen mesaj; yönlendirilen mesaj; iletilmiş mesaj; הודעה מקורית; הודעה שהועברה;
    الرسالة الأصلية; رسالة أصلية; رسالة معاد توجيهها; الرسالة المعاد توجيهها; پیام اصلی; پیام ارسال شده; मूल संदेश;
    अग्रेषित संदेश; 原始邮件; 原邮件; 原始信件; 原始郵件; 原始訊息; 邮件原件; 转发邮件信息; 转发的邮件; 轉寄郵件;
    轉寄的郵件; 已转发邮件; 回复的原邮件; 回复的原始邮件; 转发邮件; 元のメッセージ; 元のメール; 転送メッセージ;
    転送されたメール; 원본 메시지; 원본 메일; 원본메일; 원본 이메일; 전달된 메시지; 전달된 메일; tin nhắn gốc; thư gốc;
    thư đã chuyển tiếp; tin nhắn đã chuyển tiếp; ข้อความเดิม; ข้อความต้นฉบับ; ข้อความที่ส่งต่อ; pesan asli;
    pesan terusan; pesan yang diteruskan; mesej asal; mesej yang dimajukan; algne kiri; algne sõnum; edastatud kiri;
    sākotnējais ziņojums; oriģinālais ziņojums; pārsūtīts ziņojums; pradinis laiškas; pradinė žinutė;
    persiųstas laiškas; persiųsta žinutė; jatorrizko mezua; birbidalitako mezua; upphafleg skilaboð; framsend skilaboð
""")

# The same with a name behind: "---- Forwarded by Ann Example ----".
DIVIDER_TITLE_STARTS: Final = _phrases("""
    forwarded by; weitergeleitet von; réexpédié par; transféré par; reenviado por; inoltrato da; doorgestuurd door;
    encaminhado por; original message from; message from; nachricht von; message de; mensaje de; forwarded message from;
    vidarebefordrat av; videresendt av; videresendt af; przesłane dalej przez; přeposláno
""")

# Apple Mail, on a line of their own.
FORWARD_OPENINGS: Final = _phrases("""
    begin forwarded message; anfang der weitergeleiteten nachricht; anfang der weitergeleiteten e-mail;
    début du message réexpédié; début du message transféré; inicio del mensaje reenviado; inicia el mensaje reenviado;
    início da mensagem encaminhada; início da mensagem reencaminhada; inizio messaggio inoltrato;
    begin doorgestuurd bericht; vidarebefordrat brev; vidarebefordrat mejl; start på videresendt besked;
    start på vidaresendt besked; starten af videresendt besked; videresendt melding; start på videresendt melding;
    välitetty viesti alkaa; aloitetaan edelleenlähetetty viesti; początek przekazywanej wiadomości;
    początek przesłanej dalej wiadomości; začátek přeposílané zprávy; začiatok preposlanej správy;
    továbbított levél kezdete; începutul mesajului redirecționat; început mesaj redirecționat;
    započeta proslijeđena poruka; начало переадресованного сообщения; начало пересылаемого сообщения;
    початок листа, що пересилається; αρχή προωθημένου μηνύματος; başlangıcı iletilen mesaj; iletilen mesajın başlangıcı;
    ileti başlangıcı; 开始转发的邮件; 以下是转发的邮件; 下面是被转发的邮件; 開始轉寄郵件; 以下是轉寄的郵件;
    転送されたメッセージ; 전달된 메시지 시작; 전달된 메시지; תחילת ההודעה שהועברה; بداية الرسالة المعاد توجيهها;
    bắt đầu tin nhắn được chuyển tiếp; mulai pesan yang diteruskan; ส่งต่อข้อความ; inici del missatge reenviat;
    inițiere mesaj redirecționat
""")

# The same, but short enough to be a heading of one's own: they count only above a header field.
WEAK_TITLES: Final = _phrases("""
    original; original mail message; 原文; 原件
""")

# In that line too, so that it counts without dashes or hashes around it.
REPLY_WORDS: Final = _phrases("""
    reply; respond; antwort; répon; respuesta; responda; resposta; rispo; antwoord; svar; odpowied; ответ; 回复
""")

# In the line ticket systems ask one to answer above.
ABOVE_THIS_LINE: Final = _phrases("""
    above this line; above the line; antwort oberhalb dieser linie; oberhalb dieser zeile; oberhalb dieser linie; über dieser zeile;
    au-dessus de cette ligne; por encima de esta línea; encima de esta línea; acima desta linha; sopra questa riga;
    sopra questa linea; boven deze lijn; boven deze regel; ovanför denna rad; over denne linje; over denne linjen;
    tämän rivin yläpuolelle; powyżej tej linii; nad tuto čáru; nad tento řádek; выше этой линии; выше этой строки;
    bu çizginin üzerine; 请在此行上方回复; 在此行上方; この行より上; この線より上
""")

# Phones and their mail programs sign with these.
DEVICE_STARTS: Final = _phrases("""
    sent from my; sent from; sent via; sent with; sent using; get outlook for; gesendet von; gesendet mit; von meinem;
    diese nachricht wurde von meinem; envoyé de; envoyé depuis; envoyé à partir de; envoyé avec; envoyé par;
    enviado desde; enviado do; enviado de; enviado con; enviado com; enviado a partir do; inviato da; inviato dal;
    inviato con; verzonden vanaf; verzonden met; verstuurd vanaf; verstuurd met; verzonden van; skickat från; sendt fra;
    sendt med; lähetetty; wysłane z; wysłano z; odesláno z; odoslané z; az én; trimis de pe; изпратено от; отправлено с;
    отправлено из; надіслано з; στάλθηκε από; poslano s; послато са; مرسل من; أرسلت من; ارسال شده از;
    được gửi từ; đã gửi từ; ส่งจาก; dikirim dari; saadetud;
    télécharger outlook pour; outlook für; obtenga outlook para; obter o outlook para; scarica outlook per;
    download outlook voor; downloaden; hämta outlook för; hent outlook til; pobierz program outlook
""")

DEVICE_STARTS_UNSPACED: Final = _phrases("""
    发自我的; 发送自; 從我; 傳送自; 나의; נשלח מ
""")

DEVICE_ENDS: Final = _phrases("""
    gesendet; から送信; から送信されました; 傳送; 에서 보냄; 에서 보낸 메일; cihazımdan gönderildi;
    telefonumdan gönderildi; -ról küldve; -emről küldve; gönderildi
""")

# Below a mail by lists, virus scanners and portals: first words under a quote that are no answer.
FOOTERS: Final = _phrases("""
    you received this; you are receiving this; you're receiving this; to unsubscribe; unsubscribe; mailing list;
    to view this discussion; visit this group; for more options, visit; reply to this email directly;
    reply to this message; virus-free; this email has been checked; this message was scanned;
    diese e-mail wurde von avast; diese email wurde; this email and any; this e-mail and any; this message and any;
    this message is intended; this email is confidential; confidentiality notice; disclaimer; ce message et;
    diese e-mail enthält; le informazioni contenute; este mensaje; esta mensagem; please consider the environment;
    confidential:; subscription options; click here to unsubscribe
""")
