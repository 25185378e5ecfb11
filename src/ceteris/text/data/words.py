"""Function words of languages, and letters that only some of them use: what a language is recognised by.

Written down by hand for this package. A word that several languages share counts for each of them, but little.
"""

from __future__ import annotations

# Languages with an alphabet of several languages: told apart by words and letters. Words are in lower case, split at
# apostrophes.
FUNCTION_WORDS = {
    "en": """the of and to in is that for it as was with be on by are this not or from at have an but which they his
        were has will you all we their can would there been who what more one your when if about could other
        than into its some only do may after also most she he had him them these so up out my should how any no""",
    "de": """der die und den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er
        hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor
        zur bis mehr durch man sein wurde wenn können ihre kann ich wir sehr diese dieser keine einige muss""",
    "fr": """de la le et les des en un du une que est pour qui dans par sur au plus pas ce il sont se avec ne ou son
        cette aux ont sa être d l qu n s c ses mais comme leur deux nous vous elle tout fait été aussi même
        entre sans peut ces lui si après dont ils était je on votre doit""",
    "es": """de la que el en y los se del las un por con una su para es al lo como más pero sus le ha o este sí
        porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante uno ni
        contra otros fue ese eso era ser son está puede debe no si esto han""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à
        seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem
        mesmo aos ter seus são você esta pode deve este""",
    "it": """di e il la che in un a per è una sono con non del si da le dei nel alla i più al come della ha anche o
        gli delle ma su lo se nella questo essere ci tra dalla l d all dell sul suo stato essi loro quando dal
        degli era può questa devono alle ai negli""",
    "nl": """de van het een en in is dat op te zijn met voor niet die aan er om ook als dan maar bij uit door nog
        naar heeft ze was hij wordt of worden over kan meer tot geen deze wel moet dit hebben zo ik je we u uw
        kunnen werd tegen na onder waar wij zich""",
    "sv": """och i att det som en på är av för med den till inte har de om ett men var jag sig från vi så kan när han
        efter vid också nu eller hade ut upp skulle än man ska alla under vara denna dessa över du blev in sina
        mot detta vill måste din""",
    "da": """og i at det er en på til af for med den der de ikke som har et om men var jeg sig fra vi kan så han
        efter ved også nu eller havde ud op skulle hvor man skal alle under være denne disse over du blev ind
        mod dette vil mere meget hvis må din noget bliver""",
    "no": """og i det er en på til av for med den som de ikke har et om men var jeg seg fra vi kan så han etter ved
        også nå eller hadde ut opp skulle der man skal alle under være denne disse over du ble inn mot dette vil
        mer mye hvis må din noe blir bare ikkje ein eit dei å frå vere berre kva nokon""",
    "fi": """ja on ei että se oli hän mutta myös ovat joka kun kuin niin tai olla hänen ole tämä sen jos mukaan vain
        voi ollut vielä sitä mitä sekä ne nyt kanssa jo tämän näin siitä voidaan kaikki ennen mukaisesti tulee
        olisi eivät koska jälkeen sitten minun sinun""",
    "pl": """i w na z się do nie że to jest o jak po co ale za od przez tym dla tak są oraz być może już tylko czy
        jego ze przy ich pod przed który która które był bardzo gdy jej także można aby lub został jeśli nad
        między tego ma roku jako proszę""",
    "cs": """a v se na je že to s z do o i jako jsou ve by k pro po za od nebo který která které jeho tak ale bylo
        byl ze už při až také není být jen má před ještě může než pokud podle jejich mezi však aby tento tato
        musí lze jsme""",
    "sk": """a v sa na je že to s z do o aj ako sú vo by k pre po za od alebo ktorý ktorá ktoré jeho tak ale bolo bol
        zo už pri až tiež nie byť len má pred ešte môže než ak podľa ich medzi však aby tento táto musí možno
        sme""",
    "hu": """a az és hogy nem is egy ez volt van meg csak de mint már még el ki ha vagy sem aki ezt azt amely után
        minden fel lehet között szerint kell lesz pedig be majd ezek nagy olyan több mert itt illetve alatt
        annak ennek nincs kérjük""",
    "ro": """de și în a la cu pe nu se o din care că un este mai sau să ca pentru au fi sunt ce al prin lui dar după
        fost ai între acest această ei ale fără când poate cel cea dacă lor foarte ar trebuie iar despre acesta
        aceste vă dumneavoastră""",
    "tr": """ve bir bu da de için ile olarak çok daha gibi olan en kadar ne ki o sonra ama mi her değil var şey ya
        olduğu ise tarafından göre veya hem olup ancak içinde bunu benim sizin tüm zaman önce edilen iki
        üzerinde lütfen olmalı""",
    "hr": """i u je se na da za od su s a koji ne o kao iz to što ili ali po biti sa kako već samo do koja koje nakon
        bi prema nije bio bila bilo li još njegov ovaj ova ovo može mogu također između kada svi treba te uz
        zbog njih morate""",
    "ca": """de la i el a que en els les un per una del es amb al no són com més però aquest aquesta ha va seu seva
        dels o també si hi l d s n ser entre quan fins sobre molt sense des aquests ja pot aquestes fou on què
        això heu""",
    "id": """yang dan di dengan untuk dari ini dalam itu tidak pada adalah ke akan juga atau oleh sebagai ada karena
        dapat telah bahwa tersebut saya mereka kita lebih anda seperti bisa sudah hanya harus menjadi kepada
        belum saat secara antara namun silakan""",
    "vi": """và của là các có được cho trong một không những với người khi này đã từ để đến về như cũng ra nhiều thì
        vào đó sẽ hay tại bạn nhưng nếu phải chỉ lại trên hơn rất nào theo đang bị nó tôi""",
    "ru": """и в не на что с по как это к из но у за то о от так все для он я же бы мы если или был было может до еще
        уже только при его их она они быть этот эта эти также после который которые которая чтобы во со вы нет
        между""",
    "uk": """і в не на що з у та до як це від за але по для він я ж би ми якщо або був було може ще вже тільки при
        його їх вона вони бути цей ця ці також після який які яка щоб ви немає між є зі про під має""",
    "bg": """и на да в се не от за с са е че по като но той я ще или това до към при си който която които има бъде
        може след още само между ако вие беше всички един една как този тази тези върху трябва""",
    "el": """και το να του η της με που την από για είναι στο οι ο των σε τα δεν θα τον στην τη ότι ένα μια ή αν όμως
        αυτό""",
    "ar": """في من على إلى أن التي عن مع هذا هذه الذي ما لا كان بين أو كل قد بعد لم ذلك كما وقد حيث عند غير""",
    "fa": """و در به از که این را با است برای آن یک شود می تا بر خود هم کرد بود شد یا اما باید شده ها های""",
}
# Languages that an alphabet of their own gives away.
SCRIPTS = {"he": "hebrew", "hi": "devanagari", "th": "thai", "zh": "han", "ja": "kana", "ko": "hangul"}
LANGUAGES = (*FUNCTION_WORDS, *SCRIPTS)

LETTERS = {  # letters beyond a to z
    "de": "äöüß", "fr": "éèêëàâçîïôûùœ", "es": "áéíóúñü¿¡", "pt": "ãõçáéíóúâêôà", "it": "àèéìòù", "nl": "ëïé",
    "sv": "åäö", "da": "æøå", "no": "æøå", "fi": "äö", "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíľĺňóôŕšťúýž", "hu": "áéíóöőúüű", "ro": "ăâîșțşţ", "tr": "çğıöşü", "hr": "čćđšž", "ca": "àçèéíïòóúü·",
    "vi": "ăâđêôơưàáạảãèéẹẻẽìíịỉĩòóọỏõùúụủũỳýỵỷỹ", "ru": "ыэёъ", "uk": "іїєґ", "bg": "ъщ",
    "ar": "ةىأإؤئ", "fa": "پچژگکی",
}  # fmt: skip
BLOCKS = {  # where the letters of an alphabet stand: [first, last] code points
    "latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x400, 0x52F),),
    "hebrew": ((0x590, 0x5FF),),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F)),
    "devanagari": ((0x900, 0x97F),),
    "thai": ((0xE00, 0xE7F),),
    "kana": ((0x3040, 0x30FF),),
    "han": ((0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    "hangul": ((0xAC00, 0xD7AF), (0x1100, 0x11FF)),
}
ALPHABET = dict.fromkeys(FUNCTION_WORDS, "latin") | {
    "ru": "cyrillic", "uk": "cyrillic", "bg": "cyrillic", "el": "greek", "ar": "arabic", "fa": "arabic", **SCRIPTS,
}  # fmt: skip
