"""
What every `streampay.toml` of a test says alike.
"""

from streampay_export._core.notice import NOTICE_PARTS

NOTICE = "[notice]\n" + "".join(f'{part} = "{part}"\n' for part in NOTICE_PARTS)
KEEP = 'rule = "keep", reason = "Theirs"'
"""What makes a field one that is kept, within its braces."""
