"""
What a person takes to another service (GDPR Art. 20), and the strict variant, which hides who the others are.

The strict variant is about what can be joined with the public ledger: every field kept as it is has few values,
and nothing in a row says what the ledger says about one transaction alone.
"""

from __future__ import annotations

from .policy import FieldRules, Policy
from .rule_groups import band, by_row, generalise, keep, pseudonymise, withhold
from .rules import Keep, Mask, MaskKind, Period, SubjectIn, ValueIn, Withhold
from .streampay_groups import (
    ACCOUNT,
    CANCELLATION,
    EVENT_FACTS,
    EVENT_IDS,
    LOOKED_UP,
    PAYOUT_COURSE,
    PAYOUT_HASHES,
    PAYOUT_IDS,
    PAYOUT_MONEY,
    STREAM_CONTACTS,
    STREAM_COURSE,
    STREAM_HASHES,
    STREAM_SIDES,
    STREAM_TERMS,
    STREAM_WORDS,
    UNCLASSIFIED,
)

_NOT_GIVEN = "Kept to protect accounts, and neither on your consent nor under our contract."
_OURS = "Calculated by StreamPay, neither provided by you nor observed."
_OTHERS = "It may be the other side's."

PORTABILITY_POLICY = Policy(
    profile="portability",
    description="What you provided or what was observed of you, to take to another service (GDPR Art. 20).",
    rules={
        "account": [
            keep("You provided it, or it was observed as you used your account.", *ACCOUNT[:-1]),
            withhold(_NOT_GIVEN, "last_seen"),
        ],
        "streams": [
            keep("Without both sides your transaction could not be used elsewhere.", *STREAM_SIDES),
            keep("The terms your stream was made with.", *STREAM_TERMS),
            keep("Observed as your stream ran.", "id", *STREAM_COURSE, *CANCELLATION),
            keep("Observed on the public ledger.", "chain_id", "contract_address", *STREAM_HASHES),
            by_row(
                "Yours where you wrote it, as the payer does; what was written to you is in the copy for yourself.",
                *STREAM_WORDS,
                when=SubjectIn(column="payer"),
                then=Keep(),
                otherwise=Withhold(),
            ),
            withhold(_OURS, "vested_amount"),
            withhold(_OTHERS, *STREAM_CONTACTS),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            keep(
                "Observed as your payment was made.", *PAYOUT_IDS, *PAYOUT_COURSE, *PAYOUT_MONEY, "wallet_address"
            ),
            keep("Without the other side your payment could not be used elsewhere.", "counterparty"),
            keep("Observed on the public ledger.", *PAYOUT_HASHES, "ledger"),
        ],
        "events": [
            keep("Observed as your stream ran.", *EVENT_IDS, *EVENT_FACTS),
            withhold("Worded by StreamPay, neither provided by you nor observed.", "description"),
        ],
    },
)

AMOUNT_BANDS = (1, 100, 10_000)

_OWN_ADDRESS = "The ledger is public: with your own address every payment of yours can be looked up."
_TOLD_APART = "Tells rows apart without letting anything be looked up."
_TIES = (
    "It ties your payments to one other side together, and a pattern of payments can be looked up on the ledger."
)
_EXACT = "The ledger shows this amount to the last digit; a range is shared by many payments."
_INSTANT = "The ledger shows this time to the second; a month is shared by many payments."
_RARE = "XLM is common; any other asset may have so few holders that the ledger names them, also behind a code."
_SINGLES_OUT = "The ledger shows this too, and a rare value singles out one transaction."
_WORDS = "Free text can name anybody."


def _you(column: str) -> FieldRules:
    return by_row(
        "*** stands where this side is you; the other side is left out.",
        column,
        when=SubjectIn(column=column),
        then=Mask(MaskKind.ADDRESS),
        otherwise=Withhold(),
    )


PORTABILITY_STRICT_POLICY = Policy(
    profile="portability_strict",
    description=(
        "What you may take to another service, cut so that no row of it leads, through the public ledger, to the "
        "people you paid or were paid by. It does not say who you are on the ledger."
    ),
    rules={
        "account": [
            pseudonymise(_OWN_ADDRESS, "wallet_address"),
            keep("You provided it, and the ledger does not know it.", "email"),
            withhold("It may hold your address on the ledger.", "display_name", "avatar_url"),
            generalise(Period.MONTH, "The ledger may show when your address was first used.", "created_at"),
            withhold(_NOT_GIVEN, "last_seen"),
        ],
        "streams": [
            pseudonymise(_TOLD_APART, "id"),
            _you("payer"),
            _you("recipient"),
            withhold(_SINGLES_OUT, "status", "schedule"),
            by_row(
                _RARE,
                "token",
                when=ValueIn(column="token", values=["XLM"]),
                then=Keep(),
                otherwise=Withhold(),
            ),
            band(AMOUNT_BANDS, _EXACT, "total_amount"),
            generalise(Period.MONTH, _INSTANT, "created_at"),
            withhold(
                "Several amounts or times of one stream are, taken together, a join on the ledger; "
                "one of each is given.",
                "rate_per_second",
                "released_amount",
                "start_time",
                "end_time",
                "last_settled_at",
                "paused_at",
                "updated_at",
                "deleted_at",
                *CANCELLATION,
            ),
            keep("The network, which all its streams share.", "chain_id"),
            withhold(LOOKED_UP, "contract_address", *STREAM_HASHES),
            withhold(_WORDS, *STREAM_WORDS),
            withhold(_OURS, "vested_amount"),
            withhold(_OTHERS, *STREAM_CONTACTS),
            withhold(UNCLASSIFIED, "metadata"),
        ],
        "payouts": [
            pseudonymise(_TOLD_APART, "id"),
            withhold(_TIES, "stream_id"),
            withhold(_OWN_ADDRESS, "wallet_address"),
            withhold(_TIES, "counterparty"),
            keep("One of a few words, which many payments share.", "direction", "state"),
            by_row(
                _RARE,
                "asset",
                when=ValueIn(column="asset", values=["XLM"]),
                then=Keep(),
                otherwise=Withhold(),
            ),
            band(AMOUNT_BANDS, _EXACT, "amount"),
            withhold(_SINGLES_OUT, "kind", "fee", "attempts", "failure_code"),
            generalise(Period.MONTH, _INSTANT, "requested_at"),
            withhold("The month it was asked for is given.", "settled_at"),
            withhold(LOOKED_UP, *PAYOUT_HASHES, "ledger"),
        ],
        "events": [
            pseudonymise(_TOLD_APART, "id"),
            keep("One of a few words, which many streams share.", "type"),
            withhold(_TIES, "stream_id"),
            generalise(Period.MONTH, _INSTANT, "timestamp"),
            withhold("Worded by StreamPay, neither provided by you nor observed.", "description"),
        ],
    },
)
