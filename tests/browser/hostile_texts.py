"""
Texts that would do harm in a page that shows them carelessly. All end in MARK, by which they are found again.
"""

MARK = "MARK131"

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror="alert(1)">',
    "svg in single quotes": "'><svg/onload=alert(1)>",
    "unquoted attribute": " onmouseover=alert(1) autofocus onfocus=alert(1) ",
    "javascript URL": "javascript:alert(1)//",
    "data URL": "data:text/html,<script>alert(1)</script>",
    "end of style": "</style><style>*{display:none!important}</style>",
    "end of title": "</title></textarea></bdi><h1>gone</h1>",
    "comment": "<!-- <![CDATA[ ",
    "refresh": '<meta http-equiv=refresh content="0;url=https://example.invalid/">',
    "base": "<base href='https://example.invalid/'>",
    "form": "<form action=https://example.invalid/><button>Pay</button>",
    "template": "{{ 7*7 }}{% raw %}${7*7}#{7*7}<%= 7*7 %>",
    "entities": "&lt;b&gt;&amp;amp;&#x3c;script&#x3e;",
    "right to left": "\u202egpj.exe \u2066\u2067 never closed \u061c",
    "hebrew": "שלום עולם \u200f(1) abc",
    "unbroken": "W" * 10_000,
    "control characters": "\x01\x08\x0b\x1b[31m\x7f\x85\ufeff\u2028",
    "emoji": "👩\u200d👩\u200d👧\ufe0f🏴\U000e0067\U000e0062🇺🇳",
    "combining": "Z" + "\u0351\u0363\u0343\u0321" * 60,
}

MARKED = {name: text + MARK for name, text in HOSTILE.items()}
EVERYTHING = "".join(HOSTILE.values()) + MARK
