"""
Self-serve, GDPR-grade exports of a person's stream and payout history.
"""
